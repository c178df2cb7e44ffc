import type { Done, StoredFile, Transferred } from "../file-system.ts";
import type { DiskInode } from "./disk-inode.ts";
import { type Fault, type Operation, type OperationGate, systemError } from "./disk-operation.ts";

/** An open file of a faulty disk. A write is in the cache as soon as it is called, and reported later. */
export class FaultyFile implements StoredFile {
  readonly #disk: OperationGate;
  readonly #path: string;
  readonly #inode: DiskInode;
  readonly #isDurable: boolean;
  #isOpen = true;

  constructor(disk: OperationGate, path: string, inode: DiskInode, isDurable: boolean) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
    this.#isDurable = isDurable;
  }

  read(into: Buffer, start: number, end: number, position: number, done: Transferred): void {
    const operation = this.#operation("read", position, end - start);
    const fault = this.#enter(operation);
    if (fault === POWER_CUT) {
      return;
    }
    const wanted = limited(fault, end - start);
    this.#report(operation, fault, done, () => {
      const content = this.#inode.content();
      const from = Math.min(position, content.length);
      const bytes = content.copy(into, start, from, position + wanted);
      flip(fault, into, start, bytes);
      return bytes;
    });
  }

  write(from: Buffer, start: number, end: number, position: number, done: Transferred): void {
    const operation = this.#operation("write", position, end - start);
    let fault = this.#enter(operation);
    if (fault === POWER_CUT) {
      return;
    }
    if (fault === null && this.#isOutOfSpace(position + (end - start))) {
      fault = { error: "ENOSPC" };
    }
    const bytes = limited(fault, end - start);
    if (fault === null || !("isLost" in fault)) {
      this.#store(from, start, bytes, position, fault);
    }
    this.#report(
      operation,
      fault,
      this.#isDurable ? this.#thenSync(position, done) : done,
      () => bytes,
    );
  }

  /** Goes on with a sync of what was written, and of nothing else: a durable write is both, and either may fail. */
  #thenSync(position: number, done: Transferred): Transferred {
    return (error, bytes) => {
      if (error === null) {
        this.#syncOf(position, position + bytes, (syncError) => done(syncError, bytes));
      } else {
        done(error, 0);
      }
    };
  }

  writev(buffers: readonly Buffer[], position: number, done: Transferred): void {
    const all = Buffer.concat(buffers);
    this.write(all, 0, all.length, position, done);
  }

  sync(done: Done): void {
    this.#syncOf(0, Infinity, done);
  }

  #syncOf(start: number, end: number, done: Done): void {
    const operation = this.#operation("sync", 0, 0);
    const fault = this.#enter(operation);
    if (fault === POWER_CUT) {
      return;
    }
    const synced = this.#inode.beginSync(start, end);
    this.#report(operation, fault, done, () => {
      if (fault === null || !("isLost" in fault)) {
        this.#inode.endSync(synced);
      }
      return 0;
    });
  }

  async size(): Promise<number> {
    await Promise.resolve();
    return this.#inode.size;
  }

  /** Closes also where it reports an error, as systems do. */
  fileNumber(): Promise<bigint> {
    return Promise.resolve(this.#inode.number);
  }

  async close(): Promise<void> {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    try {
      await this.#disk.begin(this.#operation("close", 0, 0));
    } finally {
      this.#disk.openFiles -= wasOpen ? 1 : 0;
    }
    if (!wasOpen) {
      throw systemError("EBADF", this.#path);
    }
  }

  #operation(kind: Operation["kind"], position: number, bytes: number): Operation {
    return { kind, path: this.#path, position, bytes };
  }

  /** What an operation meets; POWER_CUT when it will never be heard of again. */
  #enter(operation: Operation): Fault | null {
    if (!this.#isOpen) {
      throw systemError("EBADF", this.#path);
    }
    if (this.#disk.isOff) {
      return POWER_CUT;
    }
    const fault = this.#disk.enter(operation);
    if (fault === null || !("powerCutAfterBytes" in fault)) {
      return fault;
    }
    return operation.kind === "write" && fault.powerCutAfterBytes > 0 ? fault : POWER_CUT;
  }

  #store(from: Buffer, start: number, bytes: number, position: number, fault: Fault | null): void {
    if (fault !== null && "flippedBit" in fault) {
      const copy = Buffer.from(from.subarray(start, start + bytes));
      flip(fault, copy, 0, bytes);
      this.#inode.write(copy, 0, bytes, position);
    } else {
      const at = fault !== null && "misdirectedTo" in fault ? fault.misdirectedTo : position;
      this.#inode.write(from, start, start + bytes, at);
    }
  }

  /** Ends an operation in its time with its fault, or with the bytes that `act` moved. */
  #report(operation: Operation, fault: Fault | null, done: Transferred, act: () => number): void {
    this.#disk.complete(operation, () => {
      if (fault === null || !("error" in fault)) {
        done(null, act());
        return;
      }
      if (fault.forgets === true) {
        this.#inode.forgetDirtySectors();
      }
      done(systemError(fault.error, this.#path), 0);
    });
  }

  #isOutOfSpace(end: number): boolean {
    const growth = Math.max(0, end - this.#inode.size);
    return growth > 0 && this.#disk.usedBytes + growth > this.#disk.capacityBytes;
  }
}

const POWER_CUT: Fault = { powerCutAfterBytes: 0 };

/** Bytes that a read or write moves. */
function limited(fault: Fault | null, wanted: number): number {
  if (fault === null) {
    return wanted;
  }
  if ("error" in fault) {
    return Math.min(wanted, fault.afterBytes ?? 0);
  }
  if ("powerCutAfterBytes" in fault) {
    return Math.min(wanted, fault.powerCutAfterBytes);
  }
  return "shortTo" in fault ? Math.min(wanted, fault.shortTo) : wanted;
}

function flip(fault: Fault | null, bytes: Buffer, start: number, length: number): void {
  if (fault !== null && "flippedBit" in fault && length > 0) {
    const bit = fault.flippedBit % (length * 8);
    const at = start + (bit >> 3);
    bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
  }
}
