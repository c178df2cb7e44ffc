import { dirname } from "node:path";
import type { FileSystem, StoredFile } from "../src/file-system.ts";
import { type Fault, type Operation, type OperationGate, systemError } from "./disk-operation.ts";
import { MemoryFile, MemoryInode, type SectorChoice } from "./memory-file.ts";

interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, MemoryInode | null>) => void;
}

export interface CrashChoices {
  /** Which of the sectors that were not synced are on the platter. */
  readonly sectors: SectorChoice;
  /** How many of this number of changed names that were not synced are durable; the oldest are. */
  readonly names: (count: number) => number;
}

export const NOTHING_SURVIVES: CrashChoices = { sectors: () => false, names: () => 0 };
export const EVERYTHING_SURVIVES: CrashChoices = { sectors: () => true, names: (count) => count };

/**
 * A disk with a page cache, in memory. What is written is in the cache; a sync makes it durable;
 * `crash` gives the disk that the machine finds after a power cut. Directories are names with null.
 */
export class MemoryDisk implements FileSystem, OperationGate {
  /** Every operation, in order, for tests that look at what happened or pick a moment. */
  readonly operations: Operation[] = [];
  /** Asked before every operation. */
  fault: (operation: Operation) => Fault | null = () => null;
  /** Bytes that files may take together. */
  capacityBytes = Infinity;
  openFiles = 0;
  #names: Map<string, MemoryInode | null>;
  readonly #durableNames: Map<string, MemoryInode | null>;
  #changes: NameChange[] = [];
  #isOff = false;
  readonly #off = Promise.withResolvers<void>();

  constructor(names: Map<string, MemoryInode | null> = new Map([["/", null]])) {
    this.#names = names;
    this.#durableNames = new Map(names);
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const inode of this.#names.values()) {
      bytes += inode?.size ?? 0;
    }
    return bytes;
  }

  /** Resolves when the power is cut. */
  get whenOff(): Promise<void> {
    return this.#off.promise;
  }

  /** From now on no operation ends. */
  cutPower(): void {
    this.#isOff = true;
    this.#off.resolve();
  }

  /** The disk after a power cut at this moment. */
  crash(choices: CrashChoices): MemoryDisk {
    this.cutPower();
    const names = new Map(this.#durableNames);
    const directories = new Set(this.#changes.map((change) => change.directory));
    for (const directory of directories) {
      const changes = this.#changes.filter((change) => change.directory === directory);
      for (const change of changes.slice(0, choices.names(changes.length))) {
        change.apply(names);
      }
    }
    const copies = new Map<MemoryInode, MemoryInode>();
    for (const [path, inode] of names) {
      if (inode !== null) {
        const copy = copies.get(inode) ?? inode.afterCrash((sector) => choices.sectors(sector));
        copies.set(inode, copy);
        names.set(path, copy);
      }
    }
    return new MemoryDisk(names);
  }

  /** The disk as another process finds it: the one that runs now is dead, the machine is not. */
  afterKill(): MemoryDisk {
    this.cutPower();
    return this.clone();
  }

  /** Another disk with the same content, cached and durable; on it all names are durable. */
  clone(): MemoryDisk {
    const copies = new Map<MemoryInode, MemoryInode>();
    const names = new Map<string, MemoryInode | null>();
    for (const [path, inode] of this.#names) {
      if (inode !== null && !copies.has(inode)) {
        copies.set(inode, inode.clone());
      }
      names.set(path, inode === null ? null : (copies.get(inode) as MemoryInode));
    }
    return new MemoryDisk(names);
  }

  /** Content of a file; throws when there is none. */
  contentOf(path: string): Buffer {
    return Buffer.from(this.#inode(path).content());
  }

  /** Changes a file behind everybody's back, durably. */
  damage(path: string, change: (content: Buffer) => Buffer | void): void {
    const inode = this.#inode(path);
    const content = Buffer.from(inode.content());
    inode.replace(change(content) ?? content);
  }

  /** What was not synced stays in the cache but nothing brings it to the platter any more. */
  forgetDirtySectors(): void {
    for (const inode of this.#names.values()) {
      inode?.forgetDirtySectors();
    }
  }

  /** Removes a file behind everybody's back, durably. */
  lose(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  /** Adds a file behind everybody's back, durably. */
  plant(path: string, content: Buffer): void {
    const inode = new MemoryInode();
    inode.replace(content);
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<StoredFile> {
    await this.begin({ kind: "open", path, position: 0, bytes: 0 });
    const found = this.#names.get(path);
    if (mode === "create") {
      if (found !== undefined) {
        throw systemError("EEXIST", path);
      }
      this.#requireDirectory(path);
      const inode = new MemoryInode();
      this.#change(path, (names) => names.set(path, inode));
    } else if (found === undefined || found === null) {
      throw systemError(found === null ? "EISDIR" : "ENOENT", path);
    }
    this.openFiles++;
    return new MemoryFile(this, path, this.#inode(path));
  }

  async makeDirectory(path: string): Promise<boolean> {
    await this.begin({ kind: "makeDirectory", path, position: 0, bytes: 0 });
    if (this.#names.has(path)) {
      return false;
    }
    this.#requireDirectory(path);
    this.#change(path, (names) => names.set(path, null));
    return true;
  }

  async list(path: string): Promise<string[]> {
    await Promise.resolve();
    if (this.#names.get(path) !== null) {
      throw systemError("ENOENT", path);
    }
    const prefix = path === "/" ? "/" : `${path}/`;
    return [...this.#names.keys()]
      .filter((name) => name !== path && name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .filter((name) => !name.includes("/"));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin({ kind: "rename", path: from, position: 0, bytes: 0 });
    const inode = this.#inode(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  async remove(path: string): Promise<void> {
    await this.begin({ kind: "remove", path, position: 0, bytes: 0 });
    this.#inode(path);
    this.#change(path, (names) => names.delete(path));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.begin({ kind: "syncDirectory", path, position: 0, bytes: 0 });
    const mine = this.#changes.filter((change) => change.directory === path);
    this.#changes = this.#changes.filter((change) => change.directory !== path);
    for (const change of mine) {
      change.apply(this.#durableNames);
    }
  }

  /** Notes an operation; resolves when it may happen, rejects with its fault, or never. */
  async begin(operation: Operation): Promise<void> {
    const fault = this.enter(operation);
    await Promise.resolve();
    if (fault !== null && "error" in fault) {
      throw systemError(fault.error, operation.path);
    }
    if (this.#isOff) {
      await new Promise<never>(() => {});
    }
  }

  /** Notes an operation and tells what it meets. */
  enter(operation: Operation): Fault | null {
    if (this.#isOff) {
      return null;
    }
    this.operations.push(operation);
    const fault = this.fault(operation);
    if (fault !== null && "powerCutAfterBytes" in fault) {
      this.cutPower();
    }
    return fault;
  }

  #inode(path: string): MemoryInode {
    const inode = this.#names.get(path);
    if (inode === undefined || inode === null) {
      throw systemError("ENOENT", path);
    }
    return inode;
  }

  #requireDirectory(path: string): void {
    if (this.#names.get(dirname(path)) !== null) {
      throw systemError("ENOENT", path);
    }
  }

  #change(path: string, apply: NameChange["apply"]): void {
    apply(this.#names);
    this.#changes.push({ directory: dirname(path), apply });
  }
}
