import { verifyLogs } from "@dt/raft-log-file";

export interface LogComparison {
  /** Entries that are equal, byte for byte, in all copies. */
  readonly equalEntries: number;
  /** Where the copies begin: those of nodes that took snapshots not at 1. */
  readonly firstIndexes: readonly number[];
  /** What must not be; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Compares the logs of stopped nodes. Up to `committedIndex` they have to be equal; behind it, entries of different
 * leaders may stand that nobody was promised.
 */
export async function compareLogs(
  dataDirectories: readonly string[],
  committedIndex: number,
): Promise<LogComparison> {
  let equalEntries = 0;
  const firstIndexes: number[] = [];
  const problems: string[] = [];
  for (const group of await verifyLogs(dataDirectories)) {
    const { groupId, difference, equalTo, copies } = group;
    equalEntries += group.equalEntries;
    if (copies.length !== dataDirectories.length) {
      problems.push(`group ${groupId}: ${copies.length} copies of ${dataDirectories.length}`);
    }
    for (const copy of copies) {
      firstIndexes.push(copy.firstIndex);
      if (copy.damage !== null) {
        problems.push(`group ${groupId}: ${copy.directory}: ${copy.damage.code}`);
      }
    }
    if (difference !== null && (difference.kind === "content" || difference.isCommitted)) {
      problems.push(`group ${groupId}: different ${difference.kind} at index ${difference.index}`);
    } else if (equalTo < committedIndex) {
      problems.push(`group ${groupId}: equal to ${equalTo}, committed to ${committedIndex}`);
    }
  }
  return { equalEntries, firstIndexes, problems };
}
