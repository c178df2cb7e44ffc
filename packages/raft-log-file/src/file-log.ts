import type { EntryBatch, LogState, RaftLog, Write } from "@dt/raft";
import { Appender } from "./append/appender.ts";
import { openFilled } from "./append/segment-filler.ts";
import { SegmentWriter } from "./append/segment-writer.ts";
import { segmentsPath, statusPath } from "./directory/log-directory.ts";
import type { StatusFile } from "./directory/status-file.ts";
import type { FileSystem } from "./file-system.ts";
import type { LogIdentity } from "./format/log-identity.ts";
import { LogError } from "./log-error.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import {
  type FileLogOptions,
  resolveFileLogOptions,
  type ResolvedFileLogOptions,
} from "./options.ts";
import { FileCache } from "./read/file-cache.ts";
import { LogReader } from "./read/log-reader.ts";
import { firstIndexAtOrAfter } from "./read/time-search.ts";
import { openLog, type RecoveryReport } from "./recover/open-log.ts";
import { HeadDropper, type LogClock } from "./segment/head-dropper.ts";
import { HintWriter } from "./segment/hint-writer.ts";
import type { Segment } from "./segment/segment.ts";
import { SegmentList } from "./segment/segment-list.ts";

/** Where a log is and whose it is. */
export interface FileLogLocation extends LogIdentity {
  /** The group's own directory, `<data>/<group id>`. */
  readonly directory: string;
}

/** What exists while the log is open. */
interface OpenParts {
  readonly segments: SegmentList;
  readonly status: StatusFile;
  readonly files: FileCache;
  readonly hints: HintWriter;
  readonly reader: LogReader;
  readonly writer: SegmentWriter;
  readonly appender: Appender;
  readonly head: HeadDropper;
}

const SYSTEM_CLOCK: LogClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** A group's log in segment files. FORMAT.md tells what is on the disk and in which order it gets there. */
export class FileLog implements RaftLog {
  readonly #location: FileLogLocation;
  readonly #options: ResolvedFileLogOptions;
  readonly #fileSystem: FileSystem;
  readonly #clock: LogClock;
  #opening: Promise<LogState> | null = null;
  #closing: Promise<void> | null = null;
  #isClosed = false;
  #parts: OpenParts | null = null;
  #recovery: RecoveryReport | null = null;

  constructor(
    location: FileLogLocation,
    options: FileLogOptions = {},
    fileSystem: FileSystem = nodeFileSystem,
    clock: LogClock = SYSTEM_CLOCK,
  ) {
    this.#location = location;
    this.#options = resolveFileLogOptions(options);
    this.#fileSystem = fileSystem;
    this.#clock = clock;
  }

  /** What `open` found and did; null before. */
  get recovery(): RecoveryReport | null {
    return this.#recovery;
  }

  /** True once `close` has finished. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Recovers what is stored, and makes it durable. Once per object. Rejects with DT_LOG_CORRUPT,
   * DT_LOG_FORMAT or DT_LOG_FOREIGN_FILE, and then has changed nothing; with the system's error when
   * the directory cannot be used.
   */
  open(): Promise<LogState> {
    if (this.#opening !== null || this.#closing !== null) {
      return Promise.reject(this.#closed());
    }
    this.#opening = this.#open();
    return this.#opening;
  }

  write(write: Write, done: (error: Error | null) => void): void {
    if (this.#parts === null || this.#closing !== null) {
      queueMicrotask(() => done(this.#closed()));
    } else {
      this.#parts.appender.write(write, done);
    }
  }

  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    return this.#parts === null || this.#closing !== null
      ? Promise.reject(this.#closed())
      : this.#parts.reader.read(firstIndex, lastIndex, maxBytes);
  }

  get firstIndex(): number {
    return this.#parts?.segments.firstIndex ?? 1;
  }

  termAt(index: number): number | null {
    return this.#parts?.segments.termAt(index) ?? null;
  }

  firstIndexAtOrAfter(timestampMs: number): Promise<number> {
    return this.#parts === null || this.#closing !== null
      ? Promise.reject(this.#closed())
      : firstIndexAtOrAfter(this.#parts.segments, this.#parts.reader, timestampMs);
  }

  dropHead(beforeIndex: number): void {
    this.#parts?.head.allow(beforeIndex);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<LogState> {
    const { directory, groupId, storeId } = this.#location;
    const fileSystem = this.#fileSystem;
    const identity: LogIdentity = { groupId, storeId };
    const opened = await openLog(fileSystem, directory, identity, this.#options);
    const { status } = opened;
    const segments = new SegmentList(opened.segments);
    try {
      this.#parts = await this.#assemble(identity, segments, status);
    } catch (error) {
      await status.close();
      throw error;
    }
    this.#recovery = opened.report;
    for (const segment of segments.all) {
      if (segment !== segments.last && !segment.isHinted) {
        this.#parts.hints.write(segment);
      }
    }
    return logState(status, segments);
  }

  async #assemble(
    identity: LogIdentity,
    segments: SegmentList,
    status: StatusFile,
  ): Promise<OpenParts> {
    const { directory } = this.#location;
    const { segmentBytes, durability, readerFiles } = this.#options;
    const { retainBytes, retainMs, dropDelayMs } = this.#options;
    const fileSystem = this.#fileSystem;
    const isSynced = durability === "fsync";
    const files = new FileCache(fileSystem, readerFiles);
    const hints = new HintWriter(fileSystem);
    const reader = new LogReader(segments, files);
    const current = await openFilled(fileSystem, segments.last.path);
    const writer = new SegmentWriter(
      {
        fileSystem,
        directory: segmentsPath(directory),
        identity,
        segmentBytes,
        isSynced,
        segments,
        onInstalled: (sealed, replaced) => {
          dropFiles(files, replaced);
          if (segments.all.includes(sealed)) {
            hints.write(sealed);
          }
          head.poke();
        },
        onBroken: (error) => appender.fail(error),
      },
      current,
    );
    const appender: Appender = new Appender({
      segments,
      segmentBytes,
      isSynced,
      status,
      statusPath: statusPath(directory),
      reader,
      writer,
    });
    const head: HeadDropper = new HeadDropper({
      fileSystem,
      segments,
      files,
      retention: { retainBytes, retainMs, dropDelayMs },
      clock: this.#clock,
      raiseHead: (headIndex, done) => appender.raiseHead(headIndex, done),
      wantsSpare: (segment) => writer.wantsSpare(segment),
      onSpare: () => writer.recycle(),
    });
    return { segments, status, files, hints, reader, writer, appender, head };
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {}); // Whoever called `open` got its error.
    const parts = this.#parts;
    if (parts !== null) {
      await parts.head.close();
      await parts.appender.drain();
      await parts.writer.close();
      await parts.hints.close();
      await parts.files.close();
      await parts.status.close();
    }
    this.#isClosed = true;
  }

  #closed(): LogError {
    return new LogError({ code: "DT_LOG_CLOSED", directory: this.#location.directory });
  }
}

/** Other files have these names now, or none. */
function dropFiles(files: FileCache, replaced: readonly Segment[]): void {
  for (const segment of replaced) {
    files.drop(segment.path);
  }
}

function logState({ status }: StatusFile, segments: SegmentList): LogState {
  const first = (segments.all[0] as Segment).header;
  return {
    hardState: status.hardState,
    firstIndex: first.firstIndex,
    lastIndex: segments.nextIndex - 1,
    lastChain: segments.last.lastChain,
    termRuns: segments.termRuns(),
    prevIndex: first.firstIndex - 1,
    prevTerm: first.prevTerm,
    prevChain: first.prevChain,
    configs: segments.configs(),
  };
}
