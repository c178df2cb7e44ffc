import type { CoreState } from "./core-state.ts";
import type { NodeId } from "./message.ts";
import { DropReason, Role } from "./output.ts";
import { answerAsker, dropAskedReads, NOT_CONFIRMED } from "./remote-reads.ts";
import { startElectionTimer } from "./timing.ts";

/** Enters `term` with `vote`, both durable before anything that stands on them leaves. */
export function enterTerm(s: CoreState, term: number, vote: NodeId): void {
  s.term = term;
  s.vote = vote;
  s.grantTo = 0;
  s.acks.clear();
  dropAskedReads(s);
  s.writes.hardStateChanged();
  s.out.hasRoleChange = true;
}

/**
 * Follows `leaderId` (0 = not known) in `term`, at least the present one. The log is not touched by
 * any change of role.
 */
export function becomeFollower(s: CoreState, term: number, leaderId: NodeId): void {
  if (term > s.term) {
    enterTerm(s, term, 0);
  }
  if (s.role === Role.leader) {
    loseLeadership(s);
  }
  if (s.leaderId !== leaderId) {
    dropAskedReads(s);
    s.leaderCommitIndex = 0;
  }
  if (s.role !== Role.follower || s.leaderId !== leaderId) {
    s.role = Role.follower;
    s.leaderId = leaderId;
    s.out.hasRoleChange = true;
  }
}

function loseLeadership(s: CoreState): void {
  s.out.hasLostLeadership = true;
  s.out.dropSnapshotSends();
  s.leaseUntilMs = 0;
  s.transferTo = 0;
  s.isHeartbeatWanted = false;
  s.isAppendWanted = false;
  const reads = s.reads;
  for (let i = 0; i < reads.count; i++) {
    const token = reads.requests[i] as number;
    const asker = reads.askers[i] as NodeId;
    if (asker === 0) {
      s.out.readDrops.push({ token, reason: DropReason.leadershipLost });
    } else {
      answerAsker(s, asker, reads.runs[i] as number, token, NOT_CONFIRMED);
    }
  }
  reads.dropFirst(reads.count);
  startElectionTimer(s);
}
