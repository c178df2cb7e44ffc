export { DataDirectory } from "./directory/data-directory.ts";
export type { DataDirectoryDeps, DataDirectoryOptions } from "./directory/data-directory.ts";
export { adoptCopy, isCopy } from "./directory/adopt-copy.ts";
export type { Identity } from "./directory/identity-file.ts";
export type { PeerBook } from "./directory/peer-book.ts";
export { FileLog } from "./file-log.ts";
export type { LogCounters } from "./append/log-counters.ts";
export type { FileLogLocation } from "./file-log.ts";
export type { LogClock } from "./segment/head-dropper.ts";
export type { LogIdentity } from "./format/log-identity.ts";
export { LogError } from "./log-error.ts";
export type { LogFault } from "./log-error.ts";
export { DEFAULT_FILE_LOG_OPTIONS, maxRecordBytes, resolveFileLogOptions } from "./options.ts";
export type { Durability, FileLogOptions, ResolvedFileLogOptions } from "./options.ts";
export type { RecoveryReport } from "./recover/open-log.ts";
export type { RecoveryProgress } from "./recover/recovery.ts";
export { FileSnapshotStore } from "./snapshot/file-snapshot-store.ts";
export { SnapshotError } from "./snapshot/snapshot-error.ts";
export type { SnapshotFault } from "./snapshot/snapshot-error.ts";
export {
  DEFAULT_SNAPSHOT_STORE_OPTIONS,
  resolveSnapshotStoreOptions,
} from "./snapshot/snapshot-options.ts";
export type {
  ResolvedSnapshotStoreOptions,
  SnapshotStoreOptions,
} from "./snapshot/snapshot-options.ts";

// For operators' tools.
export { inspectLog } from "./inspect/inspect-log.ts";
export type { InspectedRecord } from "./inspect/inspect-log.ts";
export { verifyLogs } from "./inspect/verify-logs.ts";
export type {
  DifferingRecord,
  LogDifference,
  LogVerification,
  VerifiedCopy,
} from "./inspect/verify-logs.ts";
export type { OnSegment, SegmentProgress } from "./inspect/segment-progress.ts";
export { planRepair, repairLogs } from "./inspect/repair-logs.ts";
export type { LogRepair, RepairReport } from "./inspect/repair-logs.ts";
export {
  inspectSnapshots,
  readStoredSnapshot,
  verifySnapshot,
} from "./inspect/inspect-snapshots.ts";
export type { InspectedSnapshot, SnapshotInspection } from "./inspect/inspect-snapshots.ts";
export { readIdentity } from "./directory/identity-file.ts";
export { measureDisk } from "./measure-disk.ts";
export type { DiskMeasurement } from "./measure-disk.ts";

// For tests and for other places to store files in.
export type { Done, FileSystem, OpenMode, StoredFile, Transferred } from "./file-system.ts";
export { nodeFileSystem } from "./node-file-system.ts";
