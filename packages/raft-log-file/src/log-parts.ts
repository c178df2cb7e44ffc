import { Appender } from "./append/appender.ts";
import { type LogCounters, newLogCounters } from "./append/log-counters.ts";
import { openFilled } from "./append/segment-filler.ts";
import { SegmentWriter } from "./append/segment-writer.ts";
import { segmentsPath, statusPath } from "./directory/log-directory.ts";
import type { StatusFile } from "./directory/status-file.ts";
import type { FileSystem } from "./file-system.ts";
import type { LogIdentity } from "./format/log-identity.ts";
import { LogError } from "./log-error.ts";
import type { ResolvedFileLogOptions } from "./options.ts";
import { FileCache } from "./read/file-cache.ts";
import { LogReader } from "./read/log-reader.ts";
import { HeadDropper, type LogClock } from "./segment/head-dropper.ts";
import { HintWriter } from "./segment/hint-writer.ts";
import type { Segment } from "./segment/segment.ts";
import type { SegmentList } from "./segment/segment-list.ts";
import { DIRECT_SYNC } from "./sync/flush-sync.ts";
import type { SharedJournal } from "./sync/shared-journal.ts";

/** What exists while a log is open. */
export interface LogParts {
  readonly segments: SegmentList;
  readonly status: StatusFile;
  readonly files: FileCache;
  readonly hints: HintWriter;
  readonly reader: LogReader;
  readonly writer: SegmentWriter;
  readonly appender: Appender;
  readonly head: HeadDropper;
  readonly counters: LogCounters;
}

/** What the parts work with. */
export interface LogPlace extends LogIdentity {
  /** The group's own directory. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly clock: LogClock;
  /** Shared with the other logs of the data directory; null for a log on its own. */
  readonly journal: SharedJournal | null;
}

/** Puts a recovered log's parts together; nothing is open when it throws. */
export async function openParts(
  place: LogPlace,
  options: ResolvedFileLogOptions,
  segments: SegmentList,
  status: StatusFile,
): Promise<LogParts> {
  const { directory, groupId, storeId, fileSystem, clock, journal } = place;
  const { segmentBytes, durability, readerFiles, retainBytes, retainMs, dropDelayMs } = options;
  const isSynced = durability === "fsync";
  const files = new FileCache(fileSystem, readerFiles);
  const hints = new HintWriter(fileSystem);
  // Without its hint the next open reads the segment whole, and has the damage repaired.
  const reader = new LogReader(
    segments,
    files,
    (segment) => hints.remove(segment),
    (segment, from, to) => writer.tailOf(segment, from, to),
  );
  const counters = newLogCounters();
  const onBroken = (cause: Error): void => {
    const file = segments.last.path;
    const fault = { code: "DT_LOG_POISONED", file, operation: "sync" } as const;
    appender.fail(new LogError(fault, { cause }));
  };
  const current = await openFilled(fileSystem, segments.last.path);
  const writer: SegmentWriter = new SegmentWriter(
    {
      fileSystem,
      directory: segmentsPath(directory),
      identity: { groupId, storeId },
      segmentBytes,
      isSynced,
      sync: journal?.participant(groupId, onBroken) ?? DIRECT_SYNC,
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
    counters,
  });
  const head: HeadDropper = new HeadDropper({
    fileSystem,
    segments,
    files,
    retention: { retainBytes, retainMs, dropDelayMs },
    clock,
    raiseHead: (headIndex, done) => appender.raiseHead(headIndex, done),
    wantsSpare: (segment) => writer.wantsSpare(segment),
    onSpare: () => writer.recycle(),
    counters,
  });
  return { segments, status, files, hints, reader, writer, appender, head, counters };
}

/** Other files have these names now, or none. */
function dropFiles(files: FileCache, replaced: readonly Segment[]): void {
  for (const segment of replaced) {
    files.drop(segment.path);
  }
}
