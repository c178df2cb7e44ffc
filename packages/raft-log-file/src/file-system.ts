/** Reports the end of a read or a write, and how many bytes it moved: maybe fewer than asked. */
export type Transferred = (error: Error | null, bytes: number) => void;
export type Done = (error: Error | null) => void;

/** An open file. Positions are absolute; several operations may be under way at once. */
export interface StoredFile {
  /** Reads into `[start, end)` of `into`; 0 bytes: the end of the file. */
  read(into: Buffer, start: number, end: number, position: number, done: Transferred): void;
  /** Writes `[start, end)` of `from`; the bytes must not change until `done`. */
  write(from: Buffer, start: number, end: number, position: number, done: Transferred): void;
  writev(buffers: readonly Buffer[], position: number, done: Transferred): void;
  /** Makes everything written before durable, and what is needed to read it back (fdatasync). */
  sync(done: Done): void;
  size(): Promise<number>;
  /** What tells the file from every other one of its file system, under any name: its inode. */
  fileNumber(): Promise<bigint>;
  close(): Promise<void>;
}

/**
 * `read`: must exist. `write`: must exist, also readable. `create`: must not exist, also readable. `durable`: as
 * `write`, and a write makes its bytes durable, and what is needed to read them back, before it is reported
 * (O_DSYNC); what others wrote to the file need not become so. An error leaves open which of the two failed.
 */
export type OpenMode = "read" | "write" | "create" | "durable";

/**
 * The few calls this package makes to the operating system, so that tests can run on a disk that
 * fails. Names, not links; errors carry the error number's name as `code`, as Node's do.
 */
export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<StoredFile>;
  /** True when it was made, false when it was there. Its parent must exist. */
  makeDirectory(path: string): Promise<boolean>;
  /** Names in a directory, in no particular order. */
  list(path: string): Promise<string[]>;
  /** Of a file or a directory, within one directory. Replaces `to` when it exists. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** It must be empty. */
  removeDirectory(path: string): Promise<void>;
  /** Makes the names in a directory durable, as the last create, rename and remove left them. */
  syncDirectory(path: string): Promise<void>;
}
