export { DataDirectory } from "./directory/data-directory.ts";
export type { DataDirectoryDeps, DataDirectoryOptions } from "./directory/data-directory.ts";
export { FileLog } from "./file-log.ts";
export type { FileLogLocation } from "./file-log.ts";
export type { Identity } from "./directory/identity-file.ts";
export { LogError } from "./log-error.ts";
export { measureDisk } from "./measure-disk.ts";
export type { DiskMeasurement } from "./measure-disk.ts";
export type { LogFault } from "./log-error.ts";
export { DEFAULT_FILE_LOG_OPTIONS, resolveFileLogOptions } from "./options.ts";
export type { Durability, FileLogOptions, ResolvedFileLogOptions } from "./options.ts";
// For tests and tools of this repository and for other storage.
export type { Done, FileSystem, OpenMode, StoredFile, Transferred } from "./file-system.ts";
export { nodeFileSystem } from "./node-file-system.ts";
