import { dirname, join } from "node:path";
import { hintPath, SPARE_NAME } from "../directory/log-directory.ts";
import { removeIfThere } from "../file-io.ts";
import type { Done, FileSystem } from "../file-system.ts";
import type { LogCounters } from "../append/log-counters.ts";
import { LogError } from "../log-error.ts";
import type { FileCache } from "../read/file-cache.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";

/** What stays although it may go. */
export interface Retention {
  /** Bytes of segments that stay at least. */
  readonly retainBytes: number;
  /** Entries younger than this stay. */
  readonly retainMs: number;
  /** Time between the drop of a segment and the end of its file, for readers of other processes. */
  readonly dropDelayMs: number;
}

/** Time, as a log sees it. */
export interface LogClock {
  /** Monotonic. */
  nowMs(): number;
  /** Since the epoch: compared with the times in entries. */
  wallMs(): number;
}

export interface HeadDropperContext {
  readonly fileSystem: FileSystem;
  readonly segments: SegmentList;
  readonly files: FileCache;
  readonly retention: Retention;
  readonly clock: LogClock;
  /** Makes it durable that no entry before an index has to be there. */
  readonly raiseHead: (headIndex: number, done: Done) => void;
  /** Whether the file of a segment would be used again. */
  readonly wantsSpare: (segment: Segment) => boolean;
  /** A file is at the spare name, durably. */
  readonly onSpare: () => void;
  readonly counters: LogCounters;
}

interface DroppedSegment {
  readonly segment: Segment;
  readonly endsAtMs: number;
}

/**
 * Lets whole segments go at the head, in an order that a crash may interrupt anywhere: reads of them
 * are refused, then the head is durable, then, after the delay and when nobody reads them, the files
 * become the next segment or are removed. A file that stays for any reason is removed by the next open.
 */
export class HeadDropper {
  readonly #context: HeadDropperContext;
  /** Entries below this may go. */
  #beforeIndex = 0;
  /** Out of the list, which is not durable yet; in this order. */
  #leaving: Segment[] = [];
  /** Out of the log, durably; in this order. */
  #dropped: DroppedSegment[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(context: HeadDropperContext) {
    this.#context = context;
  }

  /** Entries below `beforeIndex` may go; never goes back. */
  allow(beforeIndex: number): void {
    // Entries that come later are not meant.
    const before = Math.min(beforeIndex, this.#context.segments.nextIndex);
    this.#beforeIndex = Math.max(this.#beforeIndex, before);
    this.poke();
  }

  /** Looks whether something can go by now. */
  poke(): void {
    const hasWork = this.#leaving.length > 0 || this.#droppable() > 0 || this.#isDue();
    if (hasWork && this.#running === null && !this.#isClosed) {
      this.#running = this.#run().finally(() => {
        this.#running = null;
        // Out of space, whoever comes next tries again.
        if (this.#leaving.length === 0) {
          this.poke();
        }
      });
    }
  }

  /** Stops; what is dropped and still there is removed by the next open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { segments, clock, retention } = this.#context;
    const count = this.#droppable();
    this.#leaving.push(...segments.all.slice(0, count));
    segments.dropFirst(count);
    this.#context.counters.droppedSegments += count;
    if (this.#leaving.length > 0) {
      const error = await this.#raiseHead(segments.firstIndex);
      if (error === null) {
        const endsAtMs = clock.nowMs() + retention.dropDelayMs;
        this.#dropped.push(...this.#leaving.map((segment) => ({ segment, endsAtMs })));
        this.#leaving = [];
      } else if (!isNoSpace(error)) {
        this.#isClosed = true; // The log is poisoned: the files stay.
      }
      // Else they stay until there is space for the status; what was dropped before may be what makes it.
    }
    while (this.#isDue() && !this.#isClosed) {
      const { segment } = this.#dropped.shift() as DroppedSegment;
      await this.#end(segment).catch(() => {}); // The next open removes it.
    }
  }

  /** How many segments can leave the list: all of their entries may go, and enough stays. */
  #droppable(): number {
    const { segments, retention, clock } = this.#context;
    const { all } = segments;
    let leftBytes = all.reduce((sum, segment) => sum + segment.endOffset, 0);
    const youngestMs = retention.retainMs > 0 ? clock.wallMs() - retention.retainMs : Infinity;
    let count = 0;
    for (const segment of all.slice(0, -1)) {
      leftBytes -= segment.endOffset;
      const mayGo =
        segment.nextIndex <= this.#beforeIndex &&
        leftBytes >= retention.retainBytes &&
        segment.maxTimestampMs < youngestMs;
      if (!mayGo) {
        break;
      }
      count++;
    }
    return count;
  }

  #isDue(): boolean {
    const next = this.#dropped[0];
    return next !== undefined && next.endsAtMs <= this.#context.clock.nowMs();
  }

  #raiseHead(headIndex: number): Promise<Error | null> {
    return new Promise((resolve) => {
      this.#context.raiseHead(headIndex, resolve);
    });
  }

  async #end(segment: Segment): Promise<void> {
    const { fileSystem, files, segments, wantsSpare, onSpare } = this.#context;
    const { path } = segment;
    if (segments.all.some((each) => each.path === path)) {
      return; // A log that was reset holds another segment of this name.
    }
    files.drop(path);
    await segment.whenUnread();
    await removeIfThere(fileSystem, hintPath(path));
    if (wantsSpare(segment)) {
      // Durable before anybody writes to it: under its old name it must keep its old content.
      await fileSystem.rename(path, join(dirname(path), SPARE_NAME));
      await fileSystem.syncDirectory(dirname(path));
      this.#context.counters.recycledSegments++;
      onSpare();
    } else {
      await fileSystem.remove(path);
    }
  }
}

function isNoSpace(error: Error): boolean {
  return error instanceof LogError && error.code === "DT_LOG_NO_SPACE";
}
