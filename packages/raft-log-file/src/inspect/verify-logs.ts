import { join } from "node:path";
import { statusPath } from "../directory/log-directory.ts";
import { readStatus } from "../directory/status-file.ts";
import type { FileSystem } from "../file-system.ts";
import { errorNumber, LogError, type LogFault } from "../log-error.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import { RecordCursor } from "./record-cursor.ts";
import { type OnSegment, SegmentCounter } from "./segment-progress.ts";

/** One copy of a group's log. */
export interface VerifiedCopy {
  /** The group's directory. */
  readonly directory: string;
  /** 0 for an empty copy. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The commit index that its status knows: a lower bound, 0 when nothing is known. */
  readonly commitIndex: number;
  /** Why the copy cannot be read further than `lastIndex`; null when it just ends there. */
  readonly damage: LogFault | null;
}

export interface DifferingRecord {
  readonly directory: string;
  readonly term: number;
  readonly chain: number;
  readonly payloadBytes: number;
}

/** The first index at which the copies are not the same. */
export interface LogDifference {
  readonly index: number;
  /**
   * `content`: the same term and other bytes, which never is right. `term`: entries of different
   * leaders, which is right behind the commit index only.
   */
  readonly kind: "content" | "term";
  /** A copy's status says that the index was committed. */
  readonly isCommitted: boolean;
  readonly records: readonly DifferingRecord[];
}

export interface LogVerification {
  readonly groupId: number;
  readonly copies: readonly VerifiedCopy[];
  /** Entries found equal in all copies that are not damaged before; they end at `equalTo`. */
  readonly equalEntries: number;
  readonly equalTo: number;
  readonly difference: LogDifference | null;
}

/**
 * Compares the copies of every group in several data directories, record by record, as far as the
 * shortest goes. Reads only and needs no lock; directories of running nodes are read as far as their
 * logs go when they are read. Throws DT_LOG_IO when a directory cannot be listed.
 */
export async function verifyLogs(
  directories: readonly string[],
  fileSystem: FileSystem = nodeFileSystem,
  onProgress: OnSegment = () => {},
): Promise<LogVerification[]> {
  const copies = new Map<number, string[]>();
  for (const directory of directories) {
    for (const groupId of await groupIds(fileSystem, directory)) {
      const group = copies.get(groupId) ?? [];
      group.push(join(directory, String(groupId)));
      copies.set(groupId, group);
    }
  }
  const counter = await SegmentCounter.over(fileSystem, [...copies.values()].flat(), onProgress);
  const verifications: LogVerification[] = [];
  for (const [groupId, group] of [...copies].sort(([a], [b]) => a - b)) {
    verifications.push(await verifyGroup(fileSystem, groupId, group, counter.add));
  }
  return verifications;
}

async function verifyGroup(
  fileSystem: FileSystem,
  groupId: number,
  directories: readonly string[],
  onSegment: () => void,
): Promise<LogVerification> {
  const cursors = directories.map(
    (directory) => new RecordCursor(fileSystem, directory, onSegment),
  );
  const commits: number[] = [];
  for (const directory of directories) {
    commits.push(await commitIndexOf(fileSystem, directory));
  }
  let equalTo = 0;
  let equalEntries = 0;
  let difference: LogDifference | null = null;
  // A copy that is damaged is compared up to there, and the others further.
  let compared = cursors;
  while (difference === null && compared.length > 0) {
    const isAligned = await stepAll(compared, equalTo + 1);
    const [first, ...others] = compared;
    if (compared.some((cursor) => cursor.damage !== null)) {
      compared = compared.filter((cursor) => cursor.damage === null);
    } else if (!isAligned || first === undefined) {
      break;
    } else if (others.every((other) => other.chain === first.chain)) {
      equalTo = first.index;
      equalEntries++;
    } else {
      difference = describe(compared, Math.max(...commits));
    }
  }
  for (const cursor of cursors) {
    await runToEnd(cursor);
  }
  const found = cursors.map((cursor, i) => ({
    directory: cursor.directory,
    firstIndex: cursor.firstIndex,
    lastIndex: cursor.index,
    commitIndex: commits[i] ?? 0,
    damage: cursor.damage?.fault ?? null,
  }));
  return { groupId, copies: found, equalEntries, equalTo, difference };
}

/** Brings all cursors to `index`, or to the first after it that all have; false when one has ended. */
async function stepAll(cursors: readonly RecordCursor[], index: number): Promise<boolean> {
  let goal = index;
  for (let i = 0; i < cursors.length; i++) {
    const cursor = cursors[i] as RecordCursor;
    while (cursor.index < goal) {
      if (!(await stepOne(cursor))) {
        return false;
      }
    }
    if (cursor.index > goal) {
      // This copy begins later: the others have to come up to it.
      goal = cursor.index;
      i = -1;
    }
  }
  return true;
}

async function stepOne(cursor: RecordCursor): Promise<boolean> {
  return cursor.step() || ((await cursor.load()) && cursor.step());
}

async function runToEnd(cursor: RecordCursor): Promise<void> {
  do {
    while (cursor.step()) {
      // Only the end is of interest.
    }
  } while (await cursor.load());
  await cursor.close();
}

function describe(cursors: readonly RecordCursor[], commitIndex: number): LogDifference {
  const terms = new Set(cursors.map((cursor) => cursor.term));
  const index = cursors[0]?.index ?? 0;
  return {
    index,
    kind: terms.size === 1 ? "content" : "term",
    isCommitted: index <= commitIndex,
    records: cursors.map(({ directory, term, chain, payloadBytes }) => ({
      directory,
      term,
      chain,
      payloadBytes,
    })),
  };
}

async function commitIndexOf(fileSystem: FileSystem, directory: string): Promise<number> {
  try {
    const { status } = await readStatus(fileSystem, statusPath(directory));
    return status.hardState.commitIndex;
  } catch (error) {
    // A copy whose status is missing or damaged is compared all the same.
    if (error instanceof LogError || errorNumber(error) === "ENOENT") {
      return 0;
    }
    throw error;
  }
}

/** Directories of groups have the group's number as their name. */
async function groupIds(fileSystem: FileSystem, directory: string): Promise<number[]> {
  let names: string[];
  try {
    names = await fileSystem.list(directory);
  } catch (error) {
    throw new LogError({ code: "DT_LOG_IO", file: directory, operation: "list" }, { cause: error });
  }
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}
