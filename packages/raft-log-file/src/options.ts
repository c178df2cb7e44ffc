import { LogError } from "./log-error.ts";
import { FRAME_BYTES } from "./format/flush-frame.ts";
import { SEGMENT_HEADER_BYTES } from "./format/segment-header.ts";
import type { RecoveryProgress } from "./recover/recovery.ts";

/** `fsync`: acknowledged after a sync. `os`: after the write; a power cut may take entries that were acknowledged. */
export type Durability = "fsync" | "os";

export interface FileLogOptions {
  /**
   * Size of a segment file; a multiple of 4096, from 8 KiB to 1 GiB. Default 64 MiB. Larger means
   * fewer files; it also limits one record, to 4128 bytes less. Segments that exist keep their size.
   */
  readonly segmentBytes?: number;
  /** Default "fsync". */
  readonly durability?: Durability;
  /** Open files kept for readers, 1 to 1024. Default 4. */
  readonly readerFiles?: number;
  /** Bytes of segments that stay when a head may go. Default 0. */
  readonly retainBytes?: number;
  /** Entries younger than this stay when a head may go. Default 0. */
  readonly retainMs?: number;
  /** From the drop of a segment to the end of its file, for readers of other processes. Default 10 s. */
  readonly dropDelayMs?: number;
  /** Runs during `open` after each segment, for the log of the program. Default null. */
  readonly onRecovery?: ((progress: RecoveryProgress) => void) | null;
}

export type ResolvedFileLogOptions = Readonly<Required<FileLogOptions>>;

export const DEFAULT_FILE_LOG_OPTIONS: ResolvedFileLogOptions = Object.freeze({
  segmentBytes: 64 << 20,
  durability: "fsync",
  readerFiles: 4,
  retainBytes: 0,
  retainMs: 0,
  dropDelayMs: 10_000,
  onRecovery: null,
});

const MAX_SEGMENT_BYTES = 1 << 30;

/** Checks and completes options. Throws DT_LOG_OPTIONS with every problem. */
export function resolveFileLogOptions(input: FileLogOptions = {}): ResolvedFileLogOptions {
  const problems: string[] = [];
  for (const key of Object.keys(input)) {
    if (!(key in DEFAULT_FILE_LOG_OPTIONS)) {
      problems.push(`${key}: unknown option`);
    }
  }
  const options = { ...DEFAULT_FILE_LOG_OPTIONS, ...input };
  const { segmentBytes, durability, readerFiles } = options;
  const isWhole = Number.isInteger(segmentBytes) && segmentBytes % 4096 === 0;
  if (!isWhole || segmentBytes < 8192 || segmentBytes > MAX_SEGMENT_BYTES) {
    problems.push(
      `segmentBytes: ${segmentBytes} is not a multiple of 4096 from 8192 to ${MAX_SEGMENT_BYTES}`,
    );
  }
  if (durability !== "fsync" && durability !== "os") {
    problems.push(`durability: ${String(durability)} is neither "fsync" nor "os"`);
  }
  if (!Number.isInteger(readerFiles) || readerFiles < 1 || readerFiles > 1024) {
    problems.push(`readerFiles: ${readerFiles} is not an integer from 1 to 1024`);
  }
  for (const key of ["retainBytes", "retainMs", "dropDelayMs"] as const) {
    if (!(options[key] >= 0)) {
      problems.push(`${key}: ${options[key]} is not a number from 0`);
    }
  }
  if (problems.length > 0) {
    throw new LogError({ code: "DT_LOG_OPTIONS", problems });
  }
  return Object.freeze(options);
}

/** Bytes of the largest record that a segment takes, header and padding included. */
export function maxRecordBytes(segmentBytes: number): number {
  return segmentBytes - SEGMENT_HEADER_BYTES - FRAME_BYTES;
}
