import { join } from "node:path";
import { closeAll, removeIfThere, writeAll } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { NEXT_NAME, SPARE_NAME } from "../directory/log-directory.ts";

/** Zeros written and synced at a time; small enough not to hold up the flushes beside it. */
export const FILL_CHUNK_BYTES = 256 << 10;
/**
 * While flushes are larger than this, nothing is filled. Such flushes are bound by the disk's throughput, of which
 * zeros would take more than the half, and writing into space that is not allocated yet costs them little.
 */
const BUSY_FLUSH_BYTES = 64 << 10;
const ZEROS: Buffer = Buffer.alloc(FILL_CHUNK_BYTES);

/**
 * A segment file whose first `filledBytes` are allocated, by zeros or by flushes, so that a flush
 * into them changes no metadata and needs no space. Zeros are only written behind them.
 */
export interface FilledFile {
  path: string;
  /** For flushes and reads. */
  readonly file: StoredFile;
  /** For zeros only: an error of a sync is reported once per open file, and must not be swallowed here. */
  readonly zeros: StoredFile;
  /** For flushes whose write is their sync. */
  readonly durable: StoredFile;
  filledBytes: number;
  /** Behind what flushes wrote stands what an earlier life of the file left, not zeros. */
  readonly isRecycled: boolean;
}

export interface FillerEvents {
  /** Room was added, or adding it failed: where nothing was written yet, the files are as they were. */
  onStep(error: Error | null, isWritten: boolean): void;
}

/**
 * Fills segments with zeros ahead of their use, in the background, while flushes are small: they wait
 * for the disk's latency, which allocated space about halves. First the current segment while it is
 * young, then the next one, a chunk at a time and in proportion to what is used, so that the work is
 * spread evenly and an idle log takes little space.
 */
export class SegmentFiller {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #events: FillerEvents;
  #current: FilledFile | null = null;
  #next: FilledFile | null = null;
  #filling: FilledFile | null = null;
  #usedBytes = 0;
  #isBusy = false;
  #isNextWanted = false;
  /** There is a file to make the next segment of. */
  #hasSpare = false;
  /** The next segment is with the caller and still has its temporary name. */
  #isTaken = false;
  #isRunning = false;
  #isClosed = false;
  #failure: Error | null = null;
  #onIdle: (() => void)[] = [];
  #closing: Promise<void>[] = [];

  constructor(
    fileSystem: FileSystem,
    directory: string,
    segmentBytes: number,
    events: FillerEvents,
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#events = events;
  }

  /** The segment that flushes go to; its own size may differ from the option's. */
  adopt(current: FilledFile, usedBytes: number): void {
    this.#current = current;
    this.#usedBytes = usedBytes;
    this.#isTaken = false;
    this.#pump();
  }

  /** Tells how far the current segment is used after a flush of this size. */
  advance(usedBytes: number, flushBytes: number): void {
    this.#usedBytes = usedBytes;
    this.#isBusy = flushBytes > BUSY_FLUSH_BYTES;
    this.#failure = null;
    this.#pump();
  }

  /** Whether zeros are on their way to the file: nobody else may write behind its `filledBytes` then. */
  isFilling(file: FilledFile): boolean {
    return this.#filling === file;
  }

  /** Asks for a next segment now; tries again after a failure. */
  wantNext(): void {
    this.#isNextWanted = true;
    this.#failure = null;
    this.#pump();
  }

  /** The next segment, filled or not, to be used and adopted by the caller; null until there is one. */
  takeNext(): FilledFile | null {
    const next = this.#next;
    if (next === null || this.#filling === next) {
      return null;
    }
    this.#next = null;
    this.#isNextWanted = false;
    this.#isTaken = true;
    return next;
  }

  /** Whether a dropped segment may be given to `recycle`: one is kept. */
  get wantsSpare(): boolean {
    return !this.#hasSpare && !this.#isClosed;
  }

  /** Takes note of a file at the spare name, durably there, that may be written over. */
  recycle(): void {
    this.#hasSpare = true;
  }

  /** Closes a file that is not used any more, once no zeros are on their way to it. */
  release(file: FilledFile): Promise<void> {
    const closing = this.#whenIdle().then(() => closeFilled(file));
    this.#closing.push(closing);
    const forget = (): void => {
      this.#closing = this.#closing.filter((each) => each !== closing);
    };
    closing.then(forget, forget);
    return closing;
  }

  /** Closes and removes a file that never became part of the log. */
  async discard(file: FilledFile): Promise<void> {
    await this.release(file);
    await this.#fileSystem.remove(file.path);
    this.#isTaken = false;
  }

  /** Stops, and removes the next segment. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#whenIdle();
    const next = this.#next;
    this.#next = null;
    if (next !== null) {
      await this.discard(next).catch(() => {}); // What stays is removed by the next open.
    }
    if (this.#hasSpare) {
      await removeIfThere(this.#fileSystem, join(this.#directory, SPARE_NAME)).catch(() => {});
    }
    await Promise.allSettled(this.#closing); // Whoever released them has the errors.
  }

  #whenIdle(): Promise<void> {
    return this.#isRunning
      ? new Promise((resolve) => {
          this.#onIdle.push(resolve);
        })
      : Promise.resolve();
  }

  #pump(): void {
    if (this.#isRunning || this.#isClosed || this.#failure !== null) {
      return;
    }
    const current = this.#current;
    if (!this.#isBusy && current !== null && current.filledBytes < this.#currentGoal()) {
      this.#fill(current);
    } else if (!this.#isTaken && this.#next === null) {
      if (this.#isNextWanted || this.#nextGoal() > 0) {
        this.#create();
      }
    } else if (!this.#isBusy && this.#next !== null && this.#next.filledBytes < this.#nextGoal()) {
      this.#fill(this.#next);
    }
  }

  #currentGoal(): number {
    return Math.min(this.#segmentBytes, this.#usedBytes * 2 + 4 * FILL_CHUNK_BYTES);
  }

  /** Nothing until an eighth of the current segment is used, everything from five eighths on. */
  #nextGoal(): number {
    const eighth = this.#segmentBytes / 8;
    return Math.min(this.#segmentBytes, Math.max(0, (this.#usedBytes - eighth) * 2));
  }

  #create(): void {
    this.#isRunning = true;
    const path = join(this.#directory, NEXT_NAME);
    const isRecycled = this.#hasSpare;
    this.#hasSpare = false;
    const opening = isRecycled ? this.#openSpare(path) : this.#openNew(path);
    opening.then(
      (next) => {
        this.#next = next;
        this.#ended(null, false);
      },
      (error: Error) => this.#ended(error, false),
    );
  }

  async #openNew(path: string): Promise<FilledFile> {
    await removeIfThere(this.#fileSystem, path); // What an attempt that failed has left.
    const file = await this.#fileSystem.open(path, "create");
    return withZeros(this.#fileSystem, path, file, false);
  }

  async #openSpare(path: string): Promise<FilledFile> {
    try {
      await this.#fileSystem.rename(join(this.#directory, SPARE_NAME), path);
    } catch {
      return this.#openNew(path); // The next open of the log removes what stands there.
    }
    const file = await this.#fileSystem.open(path, "write");
    return withZeros(this.#fileSystem, path, file, true);
  }

  #fill(target: FilledFile): void {
    this.#isRunning = true;
    this.#filling = target;
    const bytes = Math.min(FILL_CHUNK_BYTES, this.#segmentBytes - target.filledBytes);
    writeAll(target.zeros, ZEROS, 0, bytes, target.filledBytes, (writeError) => {
      if (writeError !== null) {
        this.#ended(writeError, true);
        return;
      }
      target.zeros.sync((syncError) => {
        if (syncError === null) {
          target.filledBytes += bytes;
        }
        this.#ended(syncError, true);
      });
    });
  }

  #ended(error: Error | null, isWritten: boolean): void {
    this.#isRunning = false;
    this.#filling = null;
    this.#failure = error;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) {
      resolve();
    }
    if (!this.#isClosed) {
      this.#events.onStep(error, isWritten);
      this.#pump();
    }
  }
}

/** Opens a segment that exists. */
export async function openFilled(fileSystem: FileSystem, path: string): Promise<FilledFile> {
  const filled = await withZeros(fileSystem, path, await fileSystem.open(path, "write"), false);
  filled.filledBytes = await filled.file.size();
  return filled;
}

async function withZeros(
  fileSystem: FileSystem,
  path: string,
  file: StoredFile,
  isRecycled: boolean,
): Promise<FilledFile> {
  const open = [file];
  try {
    const filledBytes = isRecycled ? await file.size() : 0;
    const zeros = await fileSystem.open(path, "write");
    open.push(zeros);
    const durable = await fileSystem.open(path, "durable");
    return { path, file, zeros, durable, filledBytes, isRecycled };
  } catch (error) {
    for (const each of open) {
      await each.close();
    }
    throw error;
  }
}

async function closeFilled({ file, zeros, durable }: FilledFile): Promise<void> {
  await closeAll([() => file.close(), () => zeros.close(), () => durable.close()]);
}
