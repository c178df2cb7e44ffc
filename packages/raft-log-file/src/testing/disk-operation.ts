export type OperationKind =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "close"
  | "makeDirectory"
  | "list"
  | "rename"
  | "remove"
  | "syncDirectory";

/** One call to a file system. */
export interface Operation {
  readonly kind: OperationKind;
  /** Of a rename the name before it. */
  readonly path: string;
  /** For reads and writes; 0 else. */
  readonly position: number;
  readonly bytes: number;
}

/** What an operation meets. */
export type Fault =
  /**
   * An error of the system, by the name of its number. A write may have moved some bytes before it; with `forgets`
   * a sync gives the pages up, as Linux does: clean in the cache, not on the platter.
   */
  | { readonly error: string; readonly afterBytes?: number; readonly forgets?: boolean }
  /** Fewer bytes are moved than asked for. */
  | { readonly shortTo: number }
  /** The power goes; of a write, that many bytes reached the cache. */
  | { readonly powerCutAfterBytes: number }
  /** A write or a sync that reports success and does nothing. */
  | { readonly isLost: true }
  /** A write that lands at another place of the file. */
  | { readonly misdirectedTo: number }
  /** One bit of what is written, or of what is read, is wrong; counted from the first bit moved. */
  | { readonly flippedBit: number };

/** What an open file needs of its disk. */
export interface OperationGate {
  readonly isOff: boolean;
  readonly usedBytes: number;
  readonly capacityBytes: number;
  openFiles: number;
  /** Notes an operation; resolves when it may happen, rejects with its fault, or never. */
  begin(operation: Operation): Promise<void>;
  /** Notes an operation and tells what it meets. */
  enter(operation: Operation): Fault | null;
  /** Runs `end` when the operation has taken its time; never in the running call. */
  complete(operation: Operation, end: () => void): void;
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code });
}
