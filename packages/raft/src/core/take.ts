import type { CoreState } from "./core-state.ts";
import { flushHeartbeats } from "./leading.ts";
import type { Output, Write } from "./output.ts";
import { flushAppends } from "./replication.ts";

export function hasOutput(s: CoreState): boolean {
  return (
    !s.out.isEmpty ||
    s.isHeartbeatWanted ||
    s.isAppendWanted ||
    s.commitIndex !== s.reportedCommitIndex ||
    hasUnwritten(s)
  );
}

/**
 * Appends and heartbeats are made here and not in the steps: so all entries and reads of a turn
 * share messages.
 */
export function takeOutput(s: CoreState): Output {
  if (s.isHeartbeatWanted) {
    flushHeartbeats(s);
  }
  if (s.isAppendWanted) {
    flushAppends(s);
  }
  const out = s.out;
  const output: Output = {
    messages: out.messages,
    write: hasUnwritten(s) ? takeWrite(s) : null,
    readGrants: out.readGrants,
    readDrops: out.readDrops,
    proposeDrops: out.proposeDrops,
    logReads: out.logReads,
    snapshots: out.snapshotWork,
    answers: out.answers,
    roleChange: out.hasRoleChange ? { role: s.role, term: s.term, leaderId: s.leaderId } : null,
    leadershipLost: out.hasLostLeadership,
    configuration: out.hasConfigurationChange ? s.configs.active : null,
    commitIndex: s.commitIndex,
  };
  out.reset();
  s.reportedCommitIndex = s.commitIndex;
  return output;
}

function hasUnwritten(s: CoreState): boolean {
  return s.writes.isHardStateDirty || s.writes.issuedIndex < s.log.lastIndex;
}

function takeWrite(s: CoreState): Write {
  const writes = s.writes;
  const isHardStateDirty = writes.isHardStateDirty;
  const truncateFrom = writes.truncateFrom;
  const reset = writes.base;
  const batches = s.log.batchesFrom(reset === null ? writes.issuedIndex + 1 : reset.index + 1);
  // The hard state is durable before the truncation: a commit index above what this disk already
  // holds of the present log would vouch for the entries that are about to be cut away.
  const commitIndex =
    reset === null ? Math.min(s.commitIndex, writes.durableIndex) : writes.baseCommitIndex;
  const sequence = writes.issue(s.log.lastIndex);
  return {
    io: { term: s.term, sequence },
    hardState: isHardStateDirty ? { term: s.term, vote: s.vote, commitIndex } : null,
    reset,
    truncateFrom,
    batches,
  };
}
