import type { Done, StoredFile } from "../file-system.ts";

/** Where a flush is to be made durable, with everything before it. */
export type Synced = Pick<StoredFile, "sync">;

/** A flush that was written to its segment, or is kept for it, and is to be made durable. */
export interface WrittenFlush {
  /** The segment, which is not closed before `settle`. Its sync brings there what is in the journal only. */
  readonly file: Synced;
  /** Crc of the segment's header, and the index in its name: which file this is. */
  readonly seed: number;
  readonly segmentFirstIndex: number;
  /** Of the flush; and the chain of its last entry. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastChain: number;
  readonly position: number;
  /** The bytes that were written, unchanged until `done`; null when they are not in one piece. */
  readonly bytes: Buffer | null;
}

/** How a log makes its flushes durable. One flush at a time. */
export interface FlushSync {
  /** Flushes are stored together with those of other logs: space filled ahead is of no use. */
  readonly isShared: boolean;
  /**
   * Whether the flush that is about to be written, of so many bytes, is to be made durable by that write and by itself.
   * Then `ended` follows, else `expect`.
   */
  begin(bytes: number): boolean;
  ended(): void;
  /** A flush is being written; `sync` or `forgo` follows. */
  expect(): void;
  /** The write failed. */
  forgo(): void;
  /** An error is final: what is on the disk is not known. But for a lack of space for what is not in the segment yet. */
  sync(flush: WrittenFlush, done: Done): void;
  /** Everything that was flushed is in the segment itself, durably. Between flushes; before the segment is left. */
  settle(): Promise<void>;
  /** As `settle`, at the end: the segment is not touched afterwards. What it cannot be brought stays where it is durable. */
  leave(): Promise<void>;
}

/** A sync of the segment for each flush: a log on its own. */
export const DIRECT_SYNC: FlushSync = {
  isShared: false,
  begin: () => true,
  ended: () => {},
  expect: () => {},
  forgo: () => {},
  sync: (flush, done) => flush.file.sync(done),
  settle: () => Promise.resolve(),
  leave: () => Promise.resolve(),
};
