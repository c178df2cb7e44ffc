import { problemsOfAddresses } from "../core/config-check.ts";
import type { ConfigEntry, LogState } from "../core/log-state.ts";
import { type Configuration, configurationOf, isVoterIn, membersOf } from "../core/membership.ts";
import type { NodeId } from "../core/message.ts";
import type { Write } from "../core/output.ts";
import { singleEntry } from "../entry/batch-builder.ts";
import { ConfigKind, encodeConfigPayload, type Member } from "../entry/config-payload.ts";
import { EntryType } from "../entry/record.ts";
import { RaftError } from "../errors.ts";
import type { RaftLog } from "../log/raft-log.ts";

/**
 * Terms that are skipped: more than those who are gone can have entered without the survivors. Nothing that they
 * send is of a present term any more.
 */
export const FORCED_TERMS = 1000;

/** What an operator wants who has lost a majority for good. */
export interface ForcedMembers {
  /** Whose log it is: the voter among the survivors whose log is the newest. */
  readonly nodeId: NodeId;
  /** The only voters from now on, this node among them, with where they are reached. */
  readonly voters: readonly Member[];
  /** Members that the group was started with; counts only where log and snapshot hold no other. */
  readonly start: readonly Member[];
  /** Configuration of the newest snapshot, see `SnapshotMeta`; null for none. */
  readonly snapshotConfig: ConfigEntry | null;
  readonly wallMs: number;
}

/** What forcing does to a log. */
export interface ForcedPlan {
  readonly before: Configuration;
  readonly voters: readonly NodeId[];
  /** They never come back under these ids: their data may hold what this log does not. */
  readonly gone: readonly NodeId[];
  readonly term: number;
  /** Of the entry that says who votes; everything before it counts as decided from now on. */
  readonly index: number;
  readonly write: Write;
}

/**
 * The write that makes survivors the whole group (scenario M14). Nobody agrees to it: it is for an operator who
 * knows that a majority is gone for good, and safe only when no one who is gone ever starts again. What only they
 * had is lost, also writes that were acknowledged; what was not decided is decided by what this log holds. Throws
 * DT_RAFT_MEMBERS_INVALID with every problem.
 */
export function planForcedMembers(state: LogState, wanted: ForcedMembers): ForcedPlan {
  const before = activeIn(state, wanted);
  const problems = problemsOf(state, wanted, before);
  if (problems.length > 0) {
    throw new RaftError({ code: "DT_RAFT_MEMBERS_INVALID", problems });
  }
  const voters = wanted.voters.map(({ nodeId }) => nodeId);
  const gone = membersOf(before).filter((id) => !voters.includes(id));
  const term = state.hardState.term + FORCED_TERMS;
  const index = state.lastIndex + 1;
  const payload = encodeConfigPayload({
    members: wanted.voters,
    voters,
    observers: [],
    nextVoters: [],
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    removed: [...before.removed, ...gone],
    isAbort: false,
  });
  const { lastChain } = state;
  const { wallMs } = wanted;
  const kind = ConfigKind.commit;
  const batch = singleEntry(EntryType.config, payload, index, term, wallMs, lastChain, kind);
  // The vote keeps this node from electing another in the term of an entry that no leader made.
  const hardState = { ...state.hardState, term, vote: wanted.nodeId };
  const io = { term, sequence: 0 };
  const write = { io, hardState, reset: null, truncateFrom: 0, batches: [batch] };
  return { before, voters, gone, term, index, write };
}

/** Does what was planned, to the log it was planned for, which nobody else has open. Rejects with the log's error. */
export function forceMembers(log: RaftLog, { write }: ForcedPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    log.write(write, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** As the node itself would have it when it starts. */
function activeIn(state: LogState, { snapshotConfig, start }: ForcedMembers): Configuration {
  const newest = state.configs.at(-1) ?? snapshotConfig;
  return newest === null
    ? {
        index: 0,
        term: 0,
        members: start,
        voters: start.map(({ nodeId }) => nodeId),
        observers: [],
        nextVoters: [],
        nextObservers: [],
        prepareIndex: 0,
        leavesByItself: false,
        removed: [],
        isAbort: false,
      }
    : configurationOf(newest);
}

function problemsOf(
  { damaged = [] }: LogState,
  { nodeId, voters }: ForcedMembers,
  before: Configuration,
): string[] {
  const ids = voters.map((member) => member.nodeId);
  const problems = damaged.map(
    ({ firstIndex, lastIndex }) => `entries ${firstIndex} to ${lastIndex} are damaged`,
  );
  if (!ids.includes(nodeId)) {
    problems.push(`node ${nodeId}, whose log this is, is not among the voters`);
  }
  if (new Set(ids).size < ids.length) {
    problems.push("a voter is named twice");
  }
  problems.push(...problemsOfAddresses(voters));
  for (const id of ids) {
    if (!isVoterIn(before, id)) {
      problems.push(`node ${id} does not vote in the configuration of index ${before.index}`);
    }
  }
  return problems;
}
