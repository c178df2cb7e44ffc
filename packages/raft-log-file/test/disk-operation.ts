export type OperationKind =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "close"
  | "makeDirectory"
  | "rename"
  | "remove"
  | "syncDirectory";

export interface Operation {
  readonly kind: OperationKind;
  readonly path: string;
  /** For reads and writes. */
  readonly position: number;
  readonly bytes: number;
}

/** What an operation meets: an error of the system (a write may have moved some bytes before it), fewer bytes than asked for, or a power cut on its way. */
export type Fault =
  | { readonly error: string; readonly afterBytes?: number }
  | { readonly shortTo: number }
  | { readonly powerCutAfterBytes: number };

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
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code });
}
