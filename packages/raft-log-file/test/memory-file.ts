import type { Done, StoredFile, Transferred } from "../src/file-system.ts";
import { type OperationGate, systemError } from "./disk-operation.ts";

export const SECTOR_BYTES = 512;

/** True when this sector, of those written and not synced, is durable all the same. */
export type SectorChoice = (sector: number) => boolean;

/** Content of a file: what programs see, and what is on the platter. */
export class MemoryInode {
  #cached: Buffer = Buffer.alloc(0);
  #size = 0;
  #durable: Buffer = Buffer.alloc(0);
  readonly #dirty = new Set<number>();

  get size(): number {
    return this.#size;
  }

  content(): Buffer {
    return this.#cached.subarray(0, this.#size);
  }

  replace(content: Buffer): void {
    this.#cached = Buffer.from(content);
    this.#size = content.length;
    this.#durable = Buffer.from(content);
    this.#dirty.clear();
  }

  write(from: Buffer, start: number, end: number, position: number): void {
    if (start === end) {
      return;
    }
    const size = Math.max(this.#size, position + (end - start));
    if (size > this.#cached.length) {
      const larger = Buffer.alloc(Math.max(size, this.#cached.length * 2));
      this.#cached.copy(larger, 0, 0, this.#size);
      this.#cached = larger;
    }
    this.#size = size;
    from.copy(this.#cached, position, start, end);
    const last = Math.floor((position + (end - start) - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) {
      this.#dirty.add(sector);
    }
  }

  sync(): void {
    this.#durable = this.#merged(() => true);
    this.#dirty.clear();
  }

  afterCrash(keeps: SectorChoice): MemoryInode {
    const inode = new MemoryInode();
    inode.replace(this.#merged(keeps));
    return inode;
  }

  forgetDirtySectors(): void {
    this.#dirty.clear();
  }

  clone(): MemoryInode {
    const inode = new MemoryInode();
    inode.replace(this.#durable);
    inode.#cached = Buffer.from(this.content());
    inode.#size = this.#size;
    for (const sector of this.#dirty) {
      inode.#dirty.add(sector);
    }
    return inode;
  }

  /** The platter with these dirty sectors on it. The file grows to the last of them. */
  #merged(keeps: SectorChoice): Buffer {
    const kept = [...this.#dirty].filter((sector) => keeps(sector));
    const ends = kept.map((sector) => Math.min(this.#size, (sector + 1) * SECTOR_BYTES));
    const merged = Buffer.alloc(Math.max(this.#durable.length, ...ends));
    this.#durable.copy(merged);
    for (const sector of kept) {
      const at = sector * SECTOR_BYTES;
      this.#cached.copy(merged, at, at, Math.min(this.#size, at + SECTOR_BYTES));
    }
    return merged;
  }
}

export class MemoryFile implements StoredFile {
  readonly #disk: OperationGate;
  readonly #path: string;
  readonly #inode: MemoryInode;
  #isOpen = true;

  constructor(disk: OperationGate, path: string, inode: MemoryInode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
  }

  read(into: Buffer, start: number, end: number, position: number, done: Transferred): void {
    this.#transfer("read", end - start, position, done, (bytes) => {
      const content = this.#inode.content();
      return content.copy(into, start, Math.min(position, content.length), position + bytes);
    });
  }

  write(from: Buffer, start: number, end: number, position: number, done: Transferred): void {
    this.#transfer("write", end - start, position, done, (bytes) => {
      this.#inode.write(from, start, start + bytes, position);
      return bytes;
    });
  }

  writev(buffers: readonly Buffer[], position: number, done: Transferred): void {
    const all = Buffer.concat(buffers);
    this.write(all, 0, all.length, position, done);
  }

  sync(done: Done): void {
    this.#transfer("sync", 0, 0, done, () => {
      this.#inode.sync();
      return 0;
    });
  }

  async size(): Promise<number> {
    await Promise.resolve();
    return this.#inode.size;
  }

  async close(): Promise<void> {
    await this.#disk.begin({ kind: "close", path: this.#path, position: 0, bytes: 0 });
    if (!this.#isOpen) {
      throw systemError("EBADF", this.#path);
    }
    this.#isOpen = false;
    this.#disk.openFiles--;
  }

  /** Lets an operation meet its fault, do its work, and report it; after a power cut it never reports. */
  #transfer(
    kind: "read" | "write" | "sync",
    wanted: number,
    position: number,
    done: Transferred,
    act: (bytes: number) => number,
  ): void {
    if (!this.#isOpen) {
      throw systemError("EBADF", this.#path);
    }
    if (this.#disk.isOff) {
      return;
    }
    const fault = this.#disk.enter({ kind, path: this.#path, position, bytes: wanted });
    if (fault !== null && "powerCutAfterBytes" in fault) {
      if (kind === "write" && fault.powerCutAfterBytes > 0) {
        act(Math.min(wanted, fault.powerCutAfterBytes));
      }
      return;
    }
    const failure =
      fault !== null && "error" in fault ? fault.error : this.#outOfSpace(kind, position + wanted);
    const bytes = fault !== null && "shortTo" in fault ? Math.min(wanted, fault.shortTo) : wanted;
    queueMicrotask(() => {
      if (this.#disk.isOff) {
        return;
      }
      if (failure === null) {
        done(null, act(bytes));
      } else {
        if (fault !== null && "error" in fault && kind === "write") {
          act(Math.min(wanted, fault.afterBytes ?? 0));
        }
        done(systemError(failure, this.#path), 0);
      }
    });
  }

  #outOfSpace(kind: string, end: number): string | null {
    const growth = kind === "write" ? Math.max(0, end - this.#inode.size) : 0;
    return growth > 0 && this.#disk.usedBytes + growth > this.#disk.capacityBytes ? "ENOSPC" : null;
  }
}
