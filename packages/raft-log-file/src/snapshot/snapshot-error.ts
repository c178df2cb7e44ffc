/** What went wrong with a snapshot. The README lists every code with what to do about it. */
export type SnapshotFault =
  /** The store holds no snapshot of this id (any more). */
  | { readonly code: "DT_SNAPSHOT_NOT_FOUND"; readonly id: string }
  /** Stored bytes fail their checks; nothing of them was handed out. */
  | {
      readonly code: "DT_SNAPSHOT_DAMAGED";
      readonly id: string;
      readonly file: string;
      readonly offset: number;
      readonly reason: string;
    }
  /** As many snapshots are being written as the store allows at a time. */
  | { readonly code: "DT_SNAPSHOT_BUSY"; readonly directory: string; readonly maxWriters: number }
  /** The disk is full. The snapshot is not stored, what was stored before is untouched. */
  | { readonly code: "DT_SNAPSHOT_NO_SPACE"; readonly file: string }
  /** An operation of the file system failed. The snapshot is not stored. */
  | { readonly code: "DT_SNAPSHOT_IO"; readonly file: string; readonly operation: string }
  /** The store, the writer or the reader is not open. */
  | { readonly code: "DT_SNAPSHOT_CLOSED"; readonly directory: string };

/** Errors of the snapshot store. Match on `code`; files of others end with a `LogError`. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError" as const;
  readonly code: SnapshotFault["code"];
  readonly fault: SnapshotFault;

  constructor(fault: SnapshotFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
  }
}

function describe(fault: SnapshotFault): string {
  switch (fault.code) {
    case "DT_SNAPSHOT_NOT_FOUND":
      return `no snapshot ${fault.id} is stored`;
    case "DT_SNAPSHOT_DAMAGED":
      return `snapshot ${fault.id}: ${fault.file} is damaged at offset ${fault.offset}: ${fault.reason}`;
    case "DT_SNAPSHOT_BUSY":
      return `${fault.maxWriters} snapshots are being written in ${fault.directory} already`;
    case "DT_SNAPSHOT_NO_SPACE":
      return `no space for ${fault.file}; the snapshot is not stored`;
    case "DT_SNAPSHOT_IO":
      return `${fault.operation} of ${fault.file} failed`;
    case "DT_SNAPSHOT_CLOSED":
      return `${fault.directory} is not open`;
  }
}
