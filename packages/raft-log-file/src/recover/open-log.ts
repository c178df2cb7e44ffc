import { dirname, join } from "node:path";
import {
  type DirectoryListing,
  ensureDirectory,
  listSegments,
  NEXT_NAME,
  segmentsPath,
  statusPath,
} from "../directory/log-directory.ts";
import { StatusFile } from "../directory/status-file.ts";
import { syncFile, writeFrom } from "../file-io.ts";
import type { FileSystem } from "../file-system.ts";
import type { LogIdentity } from "../format/log-identity.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import type { Status } from "../format/status-slot.ts";
import { errorNumber } from "../log-error.ts";
import type { ResolvedFileLogOptions } from "../options.ts";
import { newSegment, type Segment } from "../segment/segment.ts";
import { hasSnapshots } from "../snapshot/snapshot-directory.ts";
import { requireUnmarked } from "../sync/damage-mark.ts";
import type { DamageSite } from "./damage.ts";
import { corrupt, type RecoveredEnd } from "./recover-segment.ts";
import { type Recovered, recover } from "./recovery.ts";
import { repair } from "./repair.ts";

/** What `FileLog.open` found and did, for the log of the program. */
export interface RecoveryReport {
  /** Bytes of a flush that was never acknowledged, cut from the end. */
  readonly tornBytes: number;
  /** Where those bytes are kept; null when there were none, or no space for a copy. */
  readonly brokenFile: string | null;
  /** Segments that were left of an earlier truncation, removed. */
  readonly supersededFiles: readonly string[];
  /** Names in the log's directory that are not of this package; left alone. */
  readonly foreignNames: readonly string[];
  /** Segments whose every record was read, because they had no usable index hint. */
  readonly scannedSegments: number;
  readonly segments: number;
}

export interface OpenedLog {
  readonly segments: readonly Segment[];
  readonly status: StatusFile;
  readonly report: RecoveryReport;
  /** Acknowledged entries that cannot be read; with any, nothing was changed. */
  readonly damaged: readonly DamageSite[];
}

/**
 * Recovers the log in `directory`, or makes a new one. Throws DT_LOG_CORRUPT for damage without a known
 * end, DT_LOG_FORMAT and DT_LOG_FOREIGN_FILE, and then has changed nothing.
 */
export async function openLog(
  fileSystem: FileSystem,
  directory: string,
  identity: LogIdentity,
  options: ResolvedFileLogOptions,
): Promise<OpenedLog> {
  const path = segmentsPath(directory);
  await ensureDirectory(fileSystem, path);
  await requireUnmarked(fileSystem, directory);
  const listing = await listSegments(fileSystem, path);
  let status = await openStatus(fileSystem, statusPath(directory), identity);
  try {
    const headIndex = status?.status.headIndex ?? 1;
    const recovering = { useHints: true, headIndex, onProgress: options.onRecovery };
    const recovered = await recover(fileSystem, path, listing, identity, recovering);
    const lost = await lostEnd(fileSystem, directory, status?.status ?? null, recovered);
    const damaged = [...recovered.damaged, ...(lost === null ? [] : [lost])];
    if (status !== null && damaged.length > 0) {
      const { segments } = recovered;
      return { segments, status, report: report(listing, recovered, null), damaged };
    }
    const brokenFile = await repair(fileSystem, path, listing, recovered);
    const segments =
      recovered.segments.length > 0
        ? recovered.segments
        : [await firstSegment(fileSystem, path, identity, options)];
    if (status === null) {
      status = await StatusFile.create(fileSystem, statusPath(directory), identity);
    } else {
      await status.restore();
    }
    await fileSystem.syncDirectory(directory);
    await fileSystem.syncDirectory(dirname(directory));
    return { segments, status, report: report(listing, recovered, brokenFile), damaged };
  } catch (error) {
    await status?.close();
    throw error;
  }
}

/**
 * Of a group without entries and status. A log comes before its first snapshot: where there is one, term and vote
 * are lost, and a new log would give the vote again. Throws DT_LOG_CORRUPT then.
 */
async function requireNoState(fileSystem: FileSystem, directory: string): Promise<void> {
  if (await hasSnapshots(fileSystem, directory)) {
    const reason = "the log is missing beside snapshots of its group";
    throw corrupt(statusPath(directory), 0, 0, reason);
  }
}

/** Null when there is none: of a new log, or of one whose directory was being made when the process died. */
async function openStatus(
  fileSystem: FileSystem,
  path: string,
  identity: LogIdentity,
): Promise<StatusFile | null> {
  try {
    return await StatusFile.open(fileSystem, path, identity);
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") {
      throw error;
    }
    return null;
  }
}

/** What the status of a group, null for none, says is missing at the end of its log. Throws DT_LOG_CORRUPT. */
export async function lostEnd(
  fileSystem: FileSystem,
  directory: string,
  status: Status | null,
  recovered: Recovered,
): Promise<DamageSite | null> {
  if (status !== null) {
    return checkStatus(status, recovered, statusPath(directory), segmentsPath(directory));
  }
  if (!recovered.segments.every((segment) => segment.isEmpty)) {
    const reason = "the status is missing beside a log with entries";
    throw corrupt(statusPath(directory), 0, 0, reason);
  }
  await requireNoState(fileSystem, directory);
  return null;
}

/** Compares what the segments hold with what they must hold; returns what is missing at the end. */
function checkStatus(
  status: Status,
  recovered: Recovered,
  path: string,
  segments: string,
): DamageSite | null {
  const first = recovered.segments[0];
  const last = recovered.segments.at(-1);
  if (first === undefined || last === undefined) {
    throw corrupt(segments, 0, status.headIndex, "all segments are missing");
  }
  // A log that begins with its segment says so itself, before the status does.
  if (first.header.firstIndex > status.headIndex && !first.header.isBase) {
    const reason = `the segment with index ${status.headIndex} is missing`;
    throw corrupt(segments, 0, status.headIndex, reason);
  }
  const { markIndex, markChain, hardState } = status;
  if (markIndex > 0 && markIndex === last.nextIndex - 1 && markChain !== last.lastChain) {
    throw corrupt(last.path, last.endOffset, markIndex, "not the entry that was acknowledged");
  }
  if (hardState.term < last.lastTerm) {
    const reason = `term ${hardState.term}, but the log has entries of term ${last.lastTerm}`;
    throw corrupt(path, 0, last.nextIndex - 1, reason);
  }
  return markIndex < last.nextIndex ? null : lostTail(last, recovered.end, status);
}

/** Entries that had been acknowledged and that nothing in the last segment shows any more. */
function lostTail(
  segment: Segment,
  end: RecoveredEnd | null,
  { markIndex, markChain }: Status,
): DamageSite {
  const { path: file, nextIndex: firstIndex, lastTerm: prevTerm, lastChain: prevChain } = segment;
  const offset = end?.torn?.offset ?? segment.endOffset;
  const endOffset = end?.torn?.endOffset ?? offset;
  const reason = `entries up to ${markIndex} had been acknowledged`;
  const range = { firstIndex, lastIndex: markIndex, prevTerm, prevChain, chain: markChain };
  segment.skipTo(markIndex + 1, markChain, endOffset);
  return { segment, ...range, file, offset, endOffset, isEmpty: false, reason };
}

/** Makes the first segment of a new log, whole and durable or not at all. */
async function firstSegment(
  fileSystem: FileSystem,
  path: string,
  identity: LogIdentity,
  options: ResolvedFileLogOptions,
): Promise<Segment> {
  const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const { groupId, storeId } = identity;
  const { segmentBytes, durability } = options;
  const isSynced = durability === "fsync";
  const start = { sequence: 1, firstIndex: 1, prevTerm: 0, prevChain: 0 };
  const flags = { isSynced, isRecycled: false, isBase: false };
  const segment = newSegment(path, { groupId, storeId, ...start, segmentBytes, ...flags }, block);
  const temporary = join(path, NEXT_NAME);
  const file = await fileSystem.open(temporary, "create");
  try {
    await writeFrom(file, block, 0, block.length, 0);
    await syncFile(file);
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, segment.path);
  await fileSystem.syncDirectory(path);
  return segment;
}

function report(
  listing: DirectoryListing,
  recovered: Recovered,
  brokenFile: string | null,
): RecoveryReport {
  const torn = recovered.end?.torn ?? null;
  return {
    tornBytes: torn === null ? 0 : torn.endOffset - torn.offset,
    brokenFile,
    supersededFiles: recovered.superseded,
    foreignNames: listing.foreign,
    segments: recovered.segments.length,
    scannedSegments: recovered.segments.filter((segment) => !segment.isHinted).length,
  };
}
