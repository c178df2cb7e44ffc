import { basename, dirname } from "node:path";
import type { FileSystem, OpenMode, StoredFile } from "../file-system.ts";
import type { CrashChoices } from "./crash-choices.ts";
import { DiskDirectory, type DiskNode } from "./disk-directory.ts";
import { DiskInode } from "./disk-inode.ts";
import {
  type Fault,
  type Operation,
  type OperationGate,
  type OperationKind,
  systemError,
} from "./disk-operation.ts";
import { FaultyFile } from "./faulty-file.ts";

/** How long operations take. A `VirtualClock` of `@dt/fiber` is one; so is a simulator's. */
export interface DiskLatency {
  readonly clock: {
    nowMs(): number;
    setTimer(atMs: number, fn: () => void): unknown;
  };
  readonly delayMs: (operation: Operation) => number;
}

/**
 * A disk with a page cache, in memory, that fails where it is told to. What is written is in the cache;
 * a sync makes durable what was written before it began; `crash` gives the disk that the machine finds
 * after a power cut. Without `latency` operations end in microtasks, in
 * the order of the calls; nothing here depends on time or chance but by `fault` and `latency`.
 */
export class FaultyDisk implements FileSystem, OperationGate {
  /** Every operation, in order, for tests that look at what happened or pick a moment. */
  readonly operations: Operation[] = [];
  /** False: `operations` stays empty, for runs that would fill the memory with it. */
  keepsOperations = true;
  /** Asked before every operation. */
  fault: (operation: Operation) => Fault | null = () => null;
  latency: DiskLatency | null = null;
  /** Bytes that files may take together. */
  capacityBytes = Infinity;
  openFiles = 0;
  readonly #root: DiskDirectory;
  #isOff = false;
  readonly #off = Promise.withResolvers<void>();

  /** An empty disk, or one with this content. */
  constructor(root: DiskDirectory = new DiskDirectory()) {
    this.#root = root;
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const [, node] of this.#walk()) {
      bytes += node instanceof DiskInode ? node.size : 0;
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
  crash(choices: CrashChoices): FaultyDisk {
    this.cutPower();
    return new FaultyDisk(this.#root.afterCrash(choices));
  }

  /** The disk as another process finds it: the one that runs now is dead, the machine is not. */
  afterKill(): FaultyDisk {
    this.cutPower();
    return this.clone();
  }

  /** Another disk with the same content, cached and durable; on it all names are durable. */
  clone(): FaultyDisk {
    return new FaultyDisk(this.#root.clone());
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

  /** Flips a bit of a file behind everybody's back, durably. */
  flipBit(path: string, bit: number): void {
    this.damage(path, (content) => {
      content.writeUInt8(content.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    });
  }

  /** What was not synced stays in the cache but nothing brings it to the platter any more. */
  forgetDirtySectors(): void {
    for (const [, node] of this.#walk()) {
      if (node instanceof DiskInode) {
        node.forgetDirtySectors();
      }
    }
  }

  /** Removes a file behind everybody's back, durably. */
  lose(path: string): void {
    this.#directory(dirname(path)).force((names) => names.delete(basename(path)));
  }

  /** Adds a file behind everybody's back, durably. */
  plant(path: string, content: Buffer): void {
    const inode = new DiskInode();
    inode.replace(content);
    this.#directory(dirname(path)).force((names) => names.set(basename(path), inode));
  }

  /** Names of all files and directories, sorted. */
  paths(): string[] {
    return [...this.#walk()].map(([path]) => path).sort();
  }

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    await this.#begin("open", path);
    const found = this.#find(path);
    if (mode === "create") {
      if (found !== undefined) {
        throw systemError("EEXIST", path);
      }
      const inode = new DiskInode();
      this.#directory(dirname(path)).change((names) => names.set(basename(path), inode));
    } else if (!(found instanceof DiskInode)) {
      throw systemError(found === undefined ? "ENOENT" : "EISDIR", path);
    }
    this.openFiles++;
    return new FaultyFile(this, path, this.#inode(path), mode === "durable");
  }

  async makeDirectory(path: string): Promise<boolean> {
    await this.#begin("makeDirectory", path);
    if (this.#find(path) !== undefined) {
      return false;
    }
    const made = new DiskDirectory();
    this.#directory(dirname(path)).change((names) => names.set(basename(path), made));
    return true;
  }

  async list(path: string): Promise<string[]> {
    await this.#begin("list", path);
    return [...this.#directory(path).names.keys()];
  }

  /** Files and directories, within one directory. */
  async rename(from: string, to: string): Promise<void> {
    await this.#begin("rename", from);
    const node = this.#find(from);
    if (node === undefined) {
      throw systemError("ENOENT", from);
    }
    if (dirname(from) !== dirname(to)) {
      throw systemError("EXDEV", to);
    }
    const replaced = this.#find(to);
    if (replaced instanceof DiskDirectory && replaced.names.size > 0) {
      throw systemError("ENOTEMPTY", to);
    }
    this.#directory(dirname(to)).change((names) => {
      names.delete(basename(from));
      names.set(basename(to), node);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#begin("remove", path);
    this.#inode(path);
    this.#directory(dirname(path)).change((names) => names.delete(basename(path)));
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#begin("remove", path);
    if (this.#directory(path).names.size > 0) {
      throw systemError("ENOTEMPTY", path);
    }
    this.#directory(dirname(path)).change((names) => names.delete(basename(path)));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#begin("syncDirectory", path);
    this.#directory(path).sync();
  }

  #begin(kind: OperationKind, path: string): Promise<void> {
    return this.begin({ kind, path, position: 0, bytes: 0 });
  }

  async begin(operation: Operation): Promise<void> {
    const fault = this.enter(operation);
    if (this.latency === null) {
      await Promise.resolve();
    } else {
      await new Promise<void>((resolve) => this.complete(operation, resolve));
    }
    if (fault !== null && "error" in fault) {
      throw systemError(fault.error, operation.path);
    }
    if (this.#isOff) {
      await new Promise<never>(() => {});
    }
  }

  enter(operation: Operation): Fault | null {
    if (this.#isOff) {
      return null;
    }
    if (this.keepsOperations) {
      this.operations.push(operation);
    }
    const fault = this.fault(operation);
    if (fault !== null && "powerCutAfterBytes" in fault) {
      this.cutPower();
    }
    return fault;
  }

  complete(operation: Operation, end: () => void): void {
    const unlessOff = (): void => {
      if (!this.#isOff) {
        end();
      }
    };
    if (this.latency === null) {
      queueMicrotask(unlessOff);
    } else {
      const { clock, delayMs } = this.latency;
      clock.setTimer(clock.nowMs() + delayMs(operation), unlessOff);
    }
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.#root;
    for (const name of path.split("/")) {
      if (name !== "") {
        node = node instanceof DiskDirectory ? node.names.get(name) : undefined;
      }
    }
    return node;
  }

  #inode(path: string): DiskInode {
    const node = this.#find(path);
    if (!(node instanceof DiskInode)) {
      throw systemError(node === undefined ? "ENOENT" : "EISDIR", path);
    }
    return node;
  }

  #directory(path: string): DiskDirectory {
    const node = this.#find(path);
    if (!(node instanceof DiskDirectory)) {
      throw systemError(node === undefined ? "ENOENT" : "ENOTDIR", path);
    }
    return node;
  }

  /** Everything on the disk, by path. */
  *#walk(directory = this.#root, prefix = "/"): Generator<[path: string, node: DiskNode]> {
    yield [prefix, directory];
    for (const [name, node] of directory.names) {
      const path = prefix === "/" ? `/${name}` : `${prefix}/${name}`;
      if (node instanceof DiskDirectory) {
        yield* this.#walk(node, path);
      } else {
        yield [path, node];
      }
    }
  }
}
