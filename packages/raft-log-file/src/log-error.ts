/** What went wrong, with the facts that belong to it. The README lists every code with what to do about it. */
export type LogFault =
  /** Stored bytes are damaged or missing although they had been acknowledged. */
  | {
      readonly code: "DT_LOG_CORRUPT";
      readonly file: string;
      readonly offset: number;
      /** First entry that cannot be trusted; 0 when it is not known. */
      readonly index: number;
      readonly reason: string;
    }
  /** A file of a newer format version. */
  | {
      readonly code: "DT_LOG_FORMAT";
      readonly file: string;
      readonly version: number;
      readonly supported: number;
    }
  /** A file that belongs to another data directory or another group. */
  | {
      readonly code: "DT_LOG_FOREIGN_FILE";
      readonly file: string;
      readonly expected: string;
      readonly found: string;
    }
  /** The directory belongs to another node or another cluster. */
  | {
      readonly code: "DT_LOG_IDENTITY";
      readonly file: string;
      readonly expected: string;
      readonly found: string;
    }
  /** The directory is a copy of a node's directory: its identity stands in another file than the one it was made as. */
  | {
      readonly code: "DT_LOG_CLONED";
      readonly directory: string;
      /** Inodes. */
      readonly expected: string;
      readonly found: string;
    }
  /** Another process, or another object of this one, has the directory open. `pid` 0: not known. */
  | { readonly code: "DT_LOG_IN_USE"; readonly directory: string; readonly pid: number }
  /** The lock cannot be taken for a reason that has nothing to do with another owner. */
  | { readonly code: "DT_LOG_LOCK"; readonly directory: string; readonly reason: string }
  /** A write or a sync failed: what is on the disk is unknown. Final for this object. */
  | { readonly code: "DT_LOG_POISONED"; readonly file: string; readonly operation: string }
  /** The disk is full. Nothing of the write was stored; it may be tried again. */
  | { readonly code: "DT_LOG_NO_SPACE"; readonly file: string }
  /** The write does not follow the last entry. */
  | { readonly code: "DT_LOG_GAP"; readonly expectedIndex: number; readonly index: number }
  /** One record does not fit into a segment. */
  | {
      readonly code: "DT_LOG_RECORD_TOO_LARGE";
      readonly index: number;
      readonly recordBytes: number;
      readonly maxRecordBytes: number;
    }
  /** Entries that are not in the log. */
  | {
      readonly code: "DT_LOG_NOT_FOUND";
      readonly wantedIndex: number;
      readonly firstIndex: number;
      readonly lastIndex: number;
    }
  /** Entries that were there once: the head was dropped, or a snapshot took their place. */
  | { readonly code: "DT_LOG_COMPACTED"; readonly wantedIndex: number; readonly firstIndex: number }
  /** Opening, reading, listing or another operation that changes nothing failed. */
  | { readonly code: "DT_LOG_IO"; readonly file: string; readonly operation: string }
  /** The log or the directory is not open. */
  | { readonly code: "DT_LOG_CLOSED"; readonly directory: string }
  /** Options are wrong; every problem with its path. */
  | { readonly code: "DT_LOG_OPTIONS"; readonly problems: readonly string[] };

/** Every error of this package. Match on `code`. */
export class LogError extends Error {
  override readonly name = "LogError" as const;
  readonly code: LogFault["code"];
  readonly fault: LogFault;

  constructor(fault: LogFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
  }
}

function describe(fault: LogFault): string {
  switch (fault.code) {
    case "DT_LOG_CORRUPT":
      return `${fault.file} is damaged at offset ${fault.offset} (index ${fault.index}): ${fault.reason}`;
    case "DT_LOG_FORMAT":
      return `${fault.file} has format version ${fault.version}; this program knows up to ${fault.supported}`;
    case "DT_LOG_FOREIGN_FILE":
      return `${fault.file} belongs to ${fault.found}, not to ${fault.expected}`;
    case "DT_LOG_IDENTITY":
      return `${fault.file} says ${fault.found}, this is ${fault.expected}`;
    case "DT_LOG_CLONED":
      return `${fault.directory} is a copy of a node's directory: its identity was made as inode ${fault.expected} and is inode ${fault.found}. A copy does not know what the node has promised since: remove it and let the node join anew; or, when the original is gone for good, take it over with "dt log adopt ${fault.directory}"`;
    case "DT_LOG_IN_USE":
      return `${fault.directory} is in use by process ${fault.pid}`;
    case "DT_LOG_LOCK":
      return `${fault.directory} cannot be locked: ${fault.reason}`;
    case "DT_LOG_POISONED":
      return `${fault.operation} of ${fault.file} failed; restart to find out what is stored`;
    case "DT_LOG_NO_SPACE":
      return `no space for ${fault.file}; nothing of this write was stored`;
    case "DT_LOG_GAP":
      return `a write that starts at index ${fault.index} where ${fault.expectedIndex} is next`;
    case "DT_LOG_RECORD_TOO_LARGE":
      return `the record of index ${fault.index} takes ${fault.recordBytes} bytes, the limit is ${fault.maxRecordBytes}`;
    case "DT_LOG_NOT_FOUND":
      return `index ${fault.wantedIndex} is not in the log, which holds ${fault.firstIndex} to ${fault.lastIndex}`;
    case "DT_LOG_COMPACTED":
      return `index ${fault.wantedIndex} was dropped; the log starts at ${fault.firstIndex}`;
    case "DT_LOG_IO":
      return `${fault.operation} of ${fault.file} failed`;
    case "DT_LOG_CLOSED":
      return `${fault.directory} is not open`;
    case "DT_LOG_OPTIONS":
      return fault.problems.join("; ");
  }
}

/** True for the errors that mean "no room left": of the device and of a quota. */
export function isOutOfSpace(error: Error): boolean {
  return "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** The error number's name, such as ENOENT; empty for an error without one. */
export function errorNumber(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}
