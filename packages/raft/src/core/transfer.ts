import type { AdminRefusal } from "./config-request.ts";
import type { CoreState } from "./core-state.ts";
import { MessageKind, type NodeId } from "./message.ts";
import { Role } from "./output.ts";
import type { Peer } from "./progress.ts";

/**
 * Leadership transfer (Raft thesis, section 3.10). The leader takes no more proposals, waits until
 * everything it took is committed, applied and on the target's disk, and tells the target to
 * campaign at once. A transfer that does not lead to another leader within an election timeout ends,
 * and the leader goes on.
 */
export function onTransfer(s: CoreState, token: number, to: NodeId): void {
  const refusal = beginTransfer(s, to);
  s.out.answers.push({ token, index: 0, refusal });
}

/** The same without an answer: a leader that is no voter any more hands over by itself. */
export function beginTransfer(s: CoreState, wanted: NodeId): AdminRefusal | null {
  if (s.role !== Role.leader) {
    return { reason: "notLeader" };
  }
  const to = wanted === 0 ? (bestSuccessor(s)?.id ?? 0) : wanted;
  const peer = s.peer(to);
  if (peer === null || !canLead(s, peer)) {
    return { reason: "target", to };
  }
  if (s.transferTo === to) {
    return null;
  }
  s.transferTo = to;
  s.isTimeoutNowSent = false;
  s.transferDeadlineMs = s.nowMs + s.options.electionTimeoutMinMs;
  s.isAppendWanted = true;
  advanceTransfer(s);
  return null;
}

/** Leader, while it transfers: the target may have become ready. */
export function advanceTransfer(s: CoreState): void {
  const peer = s.peer(s.transferTo);
  const { lastIndex } = s.log;
  if (
    s.isTimeoutNowSent ||
    peer === null ||
    peer.matchIndex < lastIndex ||
    s.commitIndex < lastIndex ||
    s.appliedIndex < lastIndex
  ) {
    return;
  }
  s.isTimeoutNowSent = true;
  sendTimeoutNow(s, peer);
}

/** Leader, at every tick of a transfer. */
export function tickTransfer(s: CoreState): void {
  if (s.nowMs < s.transferDeadlineMs && s.peer(s.transferTo) !== null) {
    return;
  }
  s.transferTo = 0;
  handOverIfDue(s);
}

/** Leader: who is no voter any more leads only until somebody else does, and until then tries at every tick. */
export function handOverIfDue(s: CoreState): void {
  if (!s.isVoter && s.isConfigurationSettled) {
    beginTransfer(s, 0);
  }
}

/**
 * From now on voters that are told so elect another leader although this one is alive: no read is
 * served by a lease any more, not even when the transfer comes to nothing, because the message may
 * arrive at any time of the term.
 */
function sendTimeoutNow(s: CoreState, { id }: Peer): void {
  s.isLeaseGivenUp = true;
  s.leaseUntilMs = 0;
  s.out.messages.push({ kind: MessageKind.timeoutNow, from: s.id, to: id, term: s.term });
}

/** The voter that answers and has most of the log; among equals the one heard last. */
function bestSuccessor(s: CoreState): Peer | null {
  let best: Peer | null = null;
  for (const peer of s.peers) {
    if (
      canLead(s, peer) &&
      s.nowMs - peer.heardMs < s.options.electionTimeoutMinMs &&
      (best === null ||
        peer.matchIndex > best.matchIndex ||
        (peer.matchIndex === best.matchIndex && peer.heardMs > best.heardMs))
    ) {
      best = peer;
    }
  }
  return best;
}

/** Votes now and, when a change is under way, after it. */
function canLead(s: CoreState, peer: Peer): boolean {
  return s.nextQuorum === 0 ? peer.isOldVoter : peer.isNextVoter;
}
