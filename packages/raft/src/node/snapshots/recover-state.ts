import type { ConfigEntry, LogState } from "../../core/log-state.ts";
import { configurationOf } from "../../core/membership.ts";
import type { NodeId } from "../../core/message.ts";
import { RaftError } from "../../errors.ts";
import type { RaftLog } from "../../log/raft-log.ts";
import {
  isSnapshotDamaged,
  isSnapshotNotFound,
  type SnapshotMeta,
} from "../../log/snapshot-store.ts";
import type { Logger } from "../logger.ts";
import { EnvelopeFault } from "./envelope.ts";
import { restoreSnapshot, type RestoreTarget } from "./restore-snapshot.ts";
import type { SnapshotCatalog } from "./snapshot-catalog.ts";

export interface RecoveredState {
  /** What the log holds now. */
  readonly state: LogState;
  /** The snapshot that the state machine was restored from; null = none, it begins empty. */
  readonly snapshot: SnapshotMeta | null;
}

export interface RecoverParts {
  readonly groupId: number;
  readonly log: RaftLog;
  readonly catalog: SnapshotCatalog | null;
  readonly target: RestoreTarget | null;
  readonly nodeId: NodeId;
  /** Members that the group was started with. */
  readonly start: readonly NodeId[];
  readonly logger: Logger;
}

/**
 * Restores the newest snapshot that is good and that the log continues; the log is made to continue
 * it where it does not, because the process died between a snapshot's arrival and the log's reset.
 *
 * Without a good one a log that was cut at its head cannot rebuild the state: the group then starts
 * without it and gets a snapshot from its leader. Rejects with DT_RAFT_SNAPSHOT_MISSING where there is
 * nobody else, and with the state machine's or the log's error.
 */
export async function recoverState(parts: RecoverParts, opened: LogState): Promise<RecoveredState> {
  const { catalog, log, target, groupId } = parts;
  const metas = catalog?.all.slice() ?? [];
  for (const meta of metas) {
    if (meta.index < opened.prevIndex || target === null || catalog === null) {
      continue;
    }
    if (await isRestored(catalog, target, meta)) {
      const state = continues(opened, meta) ? opened : await resetLog(log, opened, meta);
      return { state, snapshot: meta };
    }
  }
  if (opened.firstIndex > 1) {
    const { firstIndex } = opened;
    if (isAlone(parts, opened, metas) || target === null || catalog === null) {
      throw new RaftError({ code: "DT_RAFT_SNAPSHOT_MISSING", groupId, firstIndex });
    }
    parts.logger.error({ groupId, firstIndex }, "no good snapshot: waiting for the leader's");
  }
  return { state: opened, snapshot: null };
}

/**
 * Nobody else could send what is missing: this node is the only voter of the newest configuration that is known to be
 * committed, and of all behind it. Damaged snapshots say who votes as good ones do.
 */
function isAlone(
  { nodeId, start }: RecoverParts,
  { configs, hardState, prevIndex }: LogState,
  metas: readonly SnapshotMeta[],
): boolean {
  const base = metas.map(configOf).find((config) => config !== null) ?? null;
  const ofBase = base === null ? start : votersOf(base);
  const index = base?.index ?? 0;
  const later = configs.filter((config) => config.index > index);
  const committedIndex = Math.max(hardState.commitIndex, prevIndex, metas[0]?.index ?? 0);
  const newest = later.findLastIndex((config) => config.index <= committedIndex);
  const possible = [ofBase, ...later.map(votersOf)].slice(newest + 1);
  return possible.every((voters) => voters.length > 0 && voters.every((id) => id === nodeId));
}

function votersOf(config: ConfigEntry): NodeId[] {
  const { voters, nextVoters } = configurationOf(config);
  return [...voters, ...nextVoters];
}

/** The CONFIG entry that came with a snapshot; null for the configuration of the start. */
export function configOf(meta: SnapshotMeta | null): ConfigEntry | null {
  return meta === null || meta.membershipIndex === 0
    ? null
    : { index: meta.membershipIndex, term: meta.term, payload: meta.membership };
}

async function isRestored(
  catalog: SnapshotCatalog,
  target: RestoreTarget,
  meta: SnapshotMeta,
): Promise<boolean> {
  try {
    const reader = await catalog.read(meta);
    try {
      await restoreSnapshot(reader, target);
    } finally {
      await reader.close();
    }
    return true;
  } catch (error) {
    if (isSnapshotDamaged(error) || isSnapshotNotFound(error) || error instanceof EnvelopeFault) {
      catalog.discard(meta, error);
      return false;
    }
    throw error;
  }
}

function continues(state: LogState, meta: SnapshotMeta): boolean {
  if (meta.index === state.prevIndex) {
    return meta.term === state.prevTerm;
  }
  const run = state.termRuns.findLast(({ firstIndex }) => firstIndex <= meta.index);
  return meta.index <= state.lastIndex && run?.term === meta.term;
}

async function resetLog(log: RaftLog, before: LogState, meta: SnapshotMeta): Promise<LogState> {
  const { index, term, chain } = meta;
  const isNewTerm = before.hardState.term < term;
  const hardState = isNewTerm ? { term, vote: 0, commitIndex: 0 } : before.hardState;
  const io = { term: hardState.term, sequence: 0 };
  await new Promise<void>((resolve, reject) => {
    const write = {
      io,
      hardState: isNewTerm ? hardState : null,
      reset: { index, term, chain },
      truncateFrom: 0,
      batches: [],
    };
    log.write(write, (error) => (error === null ? resolve() : reject(error)));
  });
  return {
    ...before,
    hardState,
    firstIndex: index + 1,
    lastIndex: index,
    lastChain: chain,
    termRuns: [],
    prevIndex: index,
    prevTerm: term,
    prevChain: chain,
    configs: [],
  };
}
