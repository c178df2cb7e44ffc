import type { DamagedRange, EntryBatch, LogState, RaftLog, Write } from "@dt/raft";
import type { LogCounters } from "./append/log-counters.ts";
import type { StatusFile } from "./directory/status-file.ts";
import { closeAll } from "./file-io.ts";
import type { FileSystem } from "./file-system.ts";
import type { LogIdentity } from "./format/log-identity.ts";
import { LogError } from "./log-error.ts";
import { type LogParts, openParts } from "./log-parts.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import {
  type FileLogOptions,
  resolveFileLogOptions,
  type ResolvedFileLogOptions,
} from "./options.ts";
import { firstIndexAtOrAfter } from "./read/time-search.ts";
import { DamagedLog } from "./recover/damaged-log.ts";
import { openLog, type RecoveryReport } from "./recover/open-log.ts";
import type { LogClock } from "./segment/head-dropper.ts";
import type { Segment } from "./segment/segment.ts";
import { SegmentList } from "./segment/segment-list.ts";
import type { SharedJournal } from "./sync/shared-journal.ts";

/** Where a log is and whose it is. */
export interface FileLogLocation extends LogIdentity {
  /** The group's own directory, `<data>/<group id>`. */
  readonly directory: string;
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
  readonly #journal: SharedJournal | null;
  #opening: Promise<LogState> | null = null;
  #closing: Promise<void> | null = null;
  #isClosed = false;
  #parts: LogParts | null = null;
  #recovery: RecoveryReport | null = null;
  /** While entries are missing. */
  #damaged: DamagedLog | null = null;
  #repairing: Promise<LogState> | null = null;

  constructor(
    location: FileLogLocation,
    options: FileLogOptions = {},
    fileSystem: FileSystem = nodeFileSystem,
    clock: LogClock = SYSTEM_CLOCK,
    journal: SharedJournal | null = null,
  ) {
    this.#location = location;
    this.#options = resolveFileLogOptions(options);
    this.#fileSystem = fileSystem;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** What `open` found and did; null before. */
  get recovery(): RecoveryReport | null {
    return this.#recovery;
  }

  /** What the log has done so far; null before it is open. */
  get counters(): Readonly<LogCounters> | null {
    return this.#parts?.counters ?? null;
  }

  /** True once `close` has finished. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Recovers what is stored, and makes it durable. Once per object. A log with acknowledged entries that
   * cannot be read says so in `LogState.damaged`: nothing has changed then, it can be read and repaired,
   * and writes get DT_LOG_CORRUPT. Rejects with DT_LOG_CORRUPT for damage without a known end, with DT_LOG_FORMAT or DT_LOG_FOREIGN_FILE, and then has changed nothing; with DT_LOG_POISONED
   * when an earlier log of the group left flushes in the journal, until the data directory is opened again; with the system's error when the directory cannot be used.
   */
  open(): Promise<LogState> {
    if (this.#opening !== null || this.#closing !== null) {
      return Promise.reject(this.#closed());
    }
    this.#opening = this.#open();
    return this.#opening;
  }

  /** See `RaftLog.repair`. One call at a time. Also rejects with what `open` rejects with. */
  repair(batches: readonly EntryBatch[]): Promise<LogState> {
    if (this.#damaged === null || this.#closing !== null) {
      return Promise.reject(this.#closed());
    }
    this.#repairing = this.#repair(this.#damaged, batches);
    return this.#repairing;
  }

  /** See `RaftLog.cutDamage`. Also rejects with what `open` rejects with. */
  cutDamage(): Promise<LogState> {
    if (this.#damaged === null || this.#closing !== null) {
      return Promise.reject(this.#closed());
    }
    this.#repairing = this.#cut(this.#damaged);
    return this.#repairing;
  }

  write(write: Write, done: (error: Error | null) => void): void {
    if (this.#parts === null || this.#closing !== null) {
      const refusal = this.#damaged?.error ?? this.#closed();
      queueMicrotask(() => done(refusal));
    } else {
      this.#parts.appender.write(write, done);
    }
  }

  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    const { reader } = this.#parts ?? this.#damaged ?? {};
    return reader === undefined || this.#closing !== null
      ? Promise.reject(this.#closed())
      : reader.read(firstIndex, lastIndex, maxBytes);
  }

  get firstIndex(): number {
    return (this.#parts ?? this.#damaged)?.segments.firstIndex ?? 1;
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
    if (this.#journal?.keeps(groupId) === true) {
      // An earlier log of the group was closed without them: they come back with the directory.
      throw new LogError({ code: "DT_LOG_POISONED", file: directory, operation: "sync" });
    }
    const identity: LogIdentity = { groupId, storeId };
    const fileSystem = this.#fileSystem;
    const opened = await openLog(fileSystem, directory, identity, this.#options);
    this.#recovery = opened.report;
    if (opened.damaged.length > 0) {
      this.#damaged = new DamagedLog(fileSystem, opened, this.#options.readerFiles);
      return logState(opened.status, this.#damaged.segments, opened.damaged);
    }
    const { status } = opened;
    const segments = new SegmentList(opened.segments);
    const shared = { clock: this.#clock, journal: this.#journal };
    const place = { ...this.#location, fileSystem, ...shared };
    try {
      this.#parts = await openParts(place, this.#options, segments, status);
    } catch (error) {
      await status.close();
      throw error;
    }
    for (const segment of segments.all) {
      if (segment !== segments.last && !segment.isHinted) {
        this.#parts.hints.write(segment);
      }
    }
    return logState(status, segments);
  }

  async #cut(damaged: DamagedLog): Promise<LogState> {
    await damaged.cut();
    this.#damaged = null;
    return this.#open();
  }

  async #repair(damaged: DamagedLog, batches: readonly EntryBatch[]): Promise<LogState> {
    if (await damaged.fill(batches)) {
      this.#damaged = null;
      return this.#open();
    }
    return logState(damaged.status, damaged.segments, damaged.ranges);
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {}); // Whoever called `open` got its error.
    await this.#repairing?.catch(() => {}); // So did whoever called `repair`.
    const { head, appender, writer, hints, files, status } = this.#parts ?? {};
    await closeAll([
      async () => this.#damaged?.close(),
      async () => head?.close(),
      async () => appender?.drain(),
      async () => writer?.close(),
      async () => hints?.close(),
      async () => files?.close(),
      async () => status?.close(),
    ]).finally(() => {
      this.#isClosed = true;
    });
  }

  #closed(): LogError {
    return new LogError({ code: "DT_LOG_CLOSED", directory: this.#location.directory });
  }
}

function logState(
  { status }: StatusFile,
  segments: SegmentList,
  damaged: readonly DamagedRange[] = [],
): LogState {
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
    ...(damaged.length > 0 ? { damaged: damaged.map(rangeOf) } : {}),
  };
}

function rangeOf(damage: DamagedRange): DamagedRange {
  const { firstIndex, lastIndex, prevTerm, prevChain, chain, file, offset, reason } = damage;
  return { firstIndex, lastIndex, prevTerm, prevChain, chain, file, offset, reason };
}
