import type { CoreState } from "./core-state.ts";
import type { Peer } from "./progress.ts";
import { reachedByQuorum } from "./quorum.ts";
import { isReadable } from "./reads.ts";

/**
 * A quorum answered messages sent at or after some moment. Each of those voters refuses every rival
 * for electionTimeoutMin from when it got the message, so counted from the sending, and by a clock
 * that may be slow, nobody else leads for a little less than that. A voter that is a quorum by
 * itself has no rival. Who leads and votes no more has no lease: a voter that it leaves alone elects
 * itself as soon as it starts, whatever it promised before.
 */
export function renewLease(s: CoreState): void {
  if (s.isLeaseGivenUp || !s.options.leaseReads || !s.isVoter) {
    s.leaseUntilMs = 0;
    return;
  }
  const { checkQuorum, electionTimeoutMinMs, leaseDriftPercent } = s.options;
  const quorumSentAtMs = quorumAckedSentMs(s);
  const isHeld = quorumSentAtMs === Infinity || (checkQuorum && quorumSentAtMs >= 0);
  s.leaseUntilMs = isHeld
    ? quorumSentAtMs + (electionTimeoutMinMs * (100 - leaseDriftPercent)) / 100
    : 0;
}

/** Leader: since when a quorum has answered messages; -1 = it has not, Infinity = it needs nobody. */
export function quorumAckedSentMs(s: CoreState): number {
  const { peers, scratch } = s;
  for (let i = 0; i < peers.length; i++) {
    scratch[i] = (peers[i] as Peer).ackedSentAtMs;
  }
  return reachedByQuorum(s, Infinity);
}

/**
 * Leader: when its state machine last held everything that was committed; -1 = not known. That a
 * quorum answered says so only of a leader that knows what is committed and has applied it.
 */
export function leaderFreshMs(s: CoreState, nowMs: number): number {
  const hasAll = isReadable(s) && s.appliedIndex === s.commitIndex;
  return hasAll ? Math.max(s.freshMs, Math.min(quorumAckedSentMs(s), nowMs)) : s.freshMs;
}
