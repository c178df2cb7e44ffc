import type { Done, FileSystem, OpenMode, StoredFile, Transferred } from "../file-system.ts";
import { type Operation, type OperationKind, systemError } from "./disk-operation.ts";

/** A fault at chosen calls. Plain data, so that it can be sent to another process. */
export interface InjectedFault {
  readonly operation: OperationKind;
  /** Only paths that contain this; all paths without it. */
  readonly path?: string;
  /** Matching calls that pass before the first that meets it. Default 0. */
  readonly after?: number;
  /** Calls that meet it. Default: all from then on. */
  readonly count?: number;
  /** Only writes behind the end of the file, as those of a disk without space. */
  readonly isGrowth?: boolean;
  /** The call waits as long before it goes on. */
  readonly delayMs?: number;
  /** Name of the error number that the call ends with, such as EIO; nothing else is done then. */
  readonly error?: string;
  /** A read or write moves at most so many bytes. */
  readonly shortTo?: number;
}

/** Of a file, by all who have it open. */
interface FileSize {
  bytes: number;
}

interface ActiveFault {
  readonly fault: InjectedFault;
  seen: number;
}

/**
 * A file system that fails on purpose: passes calls on to another one, except where a fault was
 * injected. For tests and benchmarks on real processes and real disks.
 */
export class FaultInjector implements FileSystem {
  readonly #inner: FileSystem;
  #active: ActiveFault[] = [];
  readonly #sizes = new Map<string, FileSize>();
  /** Calls that met a fault. */
  hits = 0;

  constructor(inner: FileSystem) {
    this.#inner = inner;
  }

  /** Adds a fault to those that are there; of two that match, the earlier one counts. */
  inject(fault: InjectedFault): void {
    this.#active.push({ fault, seen: 0 });
  }

  /** Everything works again. */
  clear(): void {
    this.#active = [];
  }

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    await this.#pass("open", path);
    const file = await this.#inner.open(path, mode);
    const size = this.#sizes.get(path) ?? { bytes: 0 };
    size.bytes = await file.size();
    this.#sizes.set(path, size);
    return new InjectedFile(this, path, size, file, mode === "durable");
  }

  async makeDirectory(path: string): Promise<boolean> {
    await this.#pass("makeDirectory", path);
    return this.#inner.makeDirectory(path);
  }

  async list(path: string): Promise<string[]> {
    await this.#pass("list", path);
    return this.#inner.list(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#pass("rename", from);
    await this.#inner.rename(from, to);
    const size = this.#sizes.get(from);
    this.#sizes.delete(from);
    if (size !== undefined) {
      this.#sizes.set(to, size);
    }
  }

  async remove(path: string): Promise<void> {
    await this.#pass("remove", path);
    await this.#inner.remove(path);
    this.#sizes.delete(path);
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#pass("remove", path);
    return this.#inner.removeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#pass("syncDirectory", path);
    return this.#inner.syncDirectory(path);
  }

  /** What a call meets; null for nothing. */
  meet(kind: OperationKind, path: string, isGrowth = false): InjectedFault | null {
    for (const active of this.#active) {
      const { operation, path: part = "", after = 0, count = Infinity } = active.fault;
      const isMeant = isGrowth || active.fault.isGrowth !== true;
      if (operation === kind && isMeant && path.includes(part)) {
        const call = active.seen++;
        if (call >= after && call < after + count) {
          this.hits++;
          return active.fault;
        }
      }
    }
    return null;
  }

  #pass(kind: Operation["kind"], path: string): Promise<void> {
    const fault = this.meet(kind, path);
    return new Promise((resolve, reject) => {
      delayed(fault, () => {
        if (fault?.error === undefined) {
          resolve();
        } else {
          reject(systemError(fault.error, path));
        }
      });
    });
  }
}

class InjectedFile implements StoredFile {
  readonly #injector: FaultInjector;
  readonly #path: string;
  readonly #size: FileSize;
  readonly #inner: StoredFile;
  readonly #isDurable: boolean;

  constructor(
    injector: FaultInjector,
    path: string,
    size: FileSize,
    inner: StoredFile,
    isDurable: boolean,
  ) {
    this.#injector = injector;
    this.#path = path;
    this.#size = size;
    this.#inner = inner;
    this.#isDurable = isDurable;
  }

  read(into: Buffer, start: number, end: number, position: number, done: Transferred): void {
    this.#meet("read", 0, done, (limit) =>
      this.#inner.read(into, start, Math.min(end, start + limit), position, done),
    );
  }

  write(from: Buffer, start: number, end: number, position: number, done: Transferred): void {
    this.#meetWrite(position + (end - start), done, (limit) => {
      this.#inner.write(from, start, Math.min(end, start + limit), position, done);
    });
  }

  writev(buffers: readonly Buffer[], position: number, done: Transferred): void {
    const all = Buffer.concat(buffers);
    this.#meetWrite(position + all.length, done, (limit) => {
      if (limit < all.length) {
        this.#inner.write(all, 0, limit, position, done);
      } else {
        this.#inner.writev(buffers, position, done);
      }
    });
  }

  sync(done: Done): void {
    this.#meet("sync", 0, done, () => this.#inner.sync(done));
  }

  size(): Promise<number> {
    return this.#inner.size();
  }

  fileNumber(): Promise<bigint> {
    return this.#inner.fileNumber();
  }

  /** Closes also where it reports an error, as systems do. */
  async close(): Promise<void> {
    await this.#inner.close();
    await new Promise<void>((resolve, reject) => {
      this.#meet(
        "close",
        0,
        (error) => reject(error as Error),
        () => resolve(),
      );
    });
  }

  /** A durable write meets what is meant for writes, then what is meant for syncs. */
  #meetWrite(end: number, done: Transferred, act: (limit: number) => void): void {
    if (this.#isDurable) {
      this.#meet("write", end, done, (limit) => this.#meet("sync", 0, done, () => act(limit)));
    } else {
      this.#meet("write", end, done, act);
    }
  }

  #meet(kind: OperationKind, end: number, done: Transferred, act: (limit: number) => void): void {
    const fault = this.#injector.meet(kind, this.#path, end > this.#size.bytes);
    delayed(fault, () => {
      if (fault?.error === undefined) {
        this.#size.bytes = Math.max(this.#size.bytes, end);
        act(fault?.shortTo ?? Infinity);
      } else {
        const error = systemError(fault.error, this.#path);
        setImmediate(() => done(error, 0));
      }
    });
  }
}

function delayed(fault: InjectedFault | null, then: () => void): void {
  if (fault?.delayMs === undefined) {
    then();
  } else {
    setTimeout(then, fault.delayMs);
  }
}
