import { join } from "node:path";
import { DataDirectory } from "../directory/data-directory.ts";
import { type Identity, readIdentity } from "../directory/identity-file.ts";
import {
  type DirectoryListing,
  listSegments,
  segmentsPath,
  statusPath,
} from "../directory/log-directory.ts";
import { readStatus } from "../directory/status-file.ts";
import type { FileSystem } from "../file-system.ts";
import type { Status } from "../format/status-slot.ts";
import { errorNumber, LogError, type LogFault } from "../log-error.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import { lostEnd } from "../recover/open-log.ts";
import { type Recovered, recover } from "../recover/recovery.ts";
import { requireUnmarked } from "../sync/damage-mark.ts";
import { JOURNAL_NAMES } from "../sync/journal-file.ts";
import { type OnSegment, SegmentCounter } from "./segment-progress.ts";

/** What the log of a group needs, or got. */
export interface LogRepair {
  readonly groupId: number;
  /** Bytes of a flush that was never acknowledged, at the end; they are kept in a `.broken` file when they are cut. */
  readonly tornBytes: number;
  /** Files that a truncation or a dropped head left behind, to be removed. */
  readonly leftovers: readonly string[];
  /** Acknowledged entries that are gone here: the node gets them from others when it starts. */
  readonly damaged: readonly { readonly firstIndex: number; readonly lastIndex: number }[];
  /** What the log is refused for; null when it can be opened. */
  readonly refusal: LogFault | null;
}

export interface RepairReport {
  /** Flushes in the journal that are to be copied to their segments, or were. */
  readonly hasJournal: boolean;
  readonly groups: readonly LogRepair[];
}

/** What `repairLogs` would do; reads only, needs no lock. Throws DT_LOG_IO for what is no data directory. */
export async function planRepair(
  dataDirectory: string,
  fileSystem: FileSystem = nodeFileSystem,
  onProgress: OnSegment = () => {},
): Promise<RepairReport> {
  const identity = await requireIdentity(dataDirectory, fileSystem);
  const names = await fileSystem.list(dataDirectory);
  const hasJournal = names.some((name) => JOURNAL_NAMES.includes(name));
  const groups: LogRepair[] = [];
  const counter = await counterOf(fileSystem, dataDirectory, names, onProgress);
  for (const groupId of groupIdsIn(names)) {
    const group = join(dataDirectory, String(groupId));
    const path = segmentsPath(group);
    groups.push(
      await attempt(groupId, async () => {
        await requireUnmarked(fileSystem, group);
        const status = await statusOf(fileSystem, group);
        const listing = await listIfThere(fileSystem, path);
        const owner = { groupId, storeId: identity.storeId };
        const headIndex = status?.headIndex ?? 1;
        const options = { useHints: true, headIndex, onProgress: counter.add };
        const recovered =
          listing === null ? NOTHING : await recover(fileSystem, path, listing, owner, options);
        const { end, superseded, damaged } = recovered;
        const torn = end?.torn ?? null;
        const tornBytes = torn === null ? 0 : torn.endOffset - torn.offset;
        // What a journal brings back is not lost.
        const isComplete = status === null || !hasJournal;
        const lost = isComplete ? await lostEnd(fileSystem, group, status, recovered) : null;
        const all = lost === null ? damaged : [...damaged, lost];
        return { tornBytes, leftovers: superseded, damaged: all };
      }),
    );
  }
  return { hasJournal, groups };
}

/** Of a group without segments. */
const NOTHING: Recovered = { segments: [], superseded: [], end: null, damaged: [] };

/**
 * Does to a data directory that nobody uses what the start of its node would do: copies the journal, cuts torn
 * ends, removes leftovers. Throws DT_LOG_IN_USE, and what a directory is refused for.
 */
export async function repairLogs(
  dataDirectory: string,
  fileSystem: FileSystem = nodeFileSystem,
  onProgress: OnSegment = () => {},
): Promise<RepairReport> {
  const { clusterId, nodeId } = await requireIdentity(dataDirectory, fileSystem);
  const data = await DataDirectory.open({ path: dataDirectory, clusterId, nodeId }, { fileSystem });
  try {
    const groups: LogRepair[] = [];
    const names = await fileSystem.list(dataDirectory);
    const counter = await counterOf(fileSystem, dataDirectory, names, onProgress);
    for (const groupId of groupIdsIn(names)) {
      groups.push(
        await attempt(groupId, async () => {
          const log = data.log(groupId, { onRecovery: counter.add });
          const { damaged = [] } = await log.open();
          const { tornBytes = 0, supersededFiles = [] } = log.recovery ?? {};
          return { tornBytes, leftovers: supersededFiles, damaged };
        }),
      );
    }
    return { hasJournal: data.recovered !== null, groups };
  } finally {
    await data.close();
  }
}

/** Null for a group whose directory was being made when its process died, or whose log is gone. */
async function listIfThere(fileSystem: FileSystem, path: string): Promise<DirectoryListing | null> {
  try {
    return await listSegments(fileSystem, path);
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return null;
    }
    throw error;
  }
}

/** Null for a group that has none. */
async function statusOf(fileSystem: FileSystem, groupDirectory: string): Promise<Status | null> {
  try {
    return (await readStatus(fileSystem, statusPath(groupDirectory))).status;
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return null;
    }
    throw error;
  }
}

async function attempt(
  groupId: number,
  look: () => Promise<Omit<LogRepair, "groupId" | "refusal">>,
): Promise<LogRepair> {
  try {
    const { tornBytes, leftovers, damaged } = await look();
    const ranges = damaged.map(({ firstIndex, lastIndex }) => ({ firstIndex, lastIndex }));
    return { groupId, tornBytes, leftovers, damaged: ranges, refusal: null };
  } catch (error) {
    if (error instanceof LogError) {
      return { groupId, tornBytes: 0, leftovers: [], damaged: [], refusal: error.fault };
    }
    throw error;
  }
}

async function requireIdentity(path: string, fileSystem: FileSystem): Promise<Identity> {
  const identity = await readIdentity(fileSystem, path);
  if (identity === null) {
    throw new LogError({ code: "DT_LOG_IO", file: path, operation: "identify" });
  }
  return identity;
}

function counterOf(
  fileSystem: FileSystem,
  dataDirectory: string,
  names: readonly string[],
  onProgress: OnSegment,
): Promise<SegmentCounter> {
  const directories = groupIdsIn(names).map((groupId) => join(dataDirectory, String(groupId)));
  return SegmentCounter.over(fileSystem, directories, onProgress);
}

function groupIdsIn(names: readonly string[]): number[] {
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);
}
