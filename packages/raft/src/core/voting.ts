import type { CoreState } from "./core-state.ts";
import { isMemberOf, isVoterIn } from "./membership.ts";
import { MessageKind, type NodeId, type VoteReply, type VoteRequest } from "./message.ts";
import { becomeFollower } from "./role.ts";
import { isLeaderAlive, restartElectionTimer } from "./timing.ts";

/**
 * Answers a candidate. A grant leaves when it is durable; a rival of a live leader gets none, unless
 * the leader itself named it; and who is no member any more is told so.
 */
export function onVoteRequest(s: CoreState, request: VoteRequest): void {
  const removedAtIndex = removalOf(s, request);
  if (removedAtIndex > 0) {
    const kind = replyKind(request);
    s.out.messages.push(voteReply(s, kind, request.from, s.term, false, removedAtIndex));
    return;
  }
  if (request.kind === MessageKind.preVote) {
    const isGranted = request.term > s.term && !isLeaderAlive(s) && isUpToDate(s, request);
    const term = isGranted ? request.term : s.term;
    replyToVote(s, MessageKind.preVoteReply, request.from, term, isGranted);
    return;
  }
  const isRepeat = request.term === s.term && request.from === s.vote;
  const isRival = !(request.isSuccessor && isVoterIn(s.configs.active, request.from));
  if (request.term < s.term || (!isRepeat && isRival && isLeaderAlive(s))) {
    replyToVote(s, MessageKind.voteReply, request.from, s.term, false);
    return;
  }
  if (request.term > s.term) {
    becomeFollower(s, request.term, 0);
  }
  const canVote = isRepeat || (s.vote === 0 && s.leaderId === 0);
  if (!canVote || !isUpToDate(s, request)) {
    replyToVote(s, MessageKind.voteReply, request.from, s.term, false);
    return;
  }
  grant(s, request.from);
}

/**
 * Index of the committed configuration that shows a candidate to be no member any more, or 0. One
 * whose log is as new as this node's may be a member by entries that are missing here.
 */
function removalOf(s: CoreState, request: VoteRequest): number {
  const { active } = s.configs;
  if (isMemberOf(active, request.from) || isUpToDate(s, request)) {
    return 0;
  }
  const committed = s.configs.at(s.commitIndex);
  return isMemberOf(committed, request.from) ? 0 : committed.index;
}

function grant(s: CoreState, candidate: NodeId): void {
  if (s.vote !== candidate) {
    becomeFollower(s, s.term, s.leaderId);
    s.vote = candidate;
    s.writes.hardStateChanged();
  }
  restartElectionTimer(s);
  if (s.writes.isHardStateDurable) {
    replyToVote(s, MessageKind.voteReply, candidate, s.term, true);
  } else {
    s.grantTo = candidate;
  }
}

/** Raft paper, section 5.4.1: whoever leads must have everything that is committed. */
function isUpToDate(s: CoreState, request: VoteRequest): boolean {
  const lastTerm = s.log.lastTerm;
  return (
    request.lastTerm > lastTerm ||
    (request.lastTerm === lastTerm && request.lastIndex >= s.log.lastIndex)
  );
}

/** Answers with this node's word. */
export function replyToVote(
  s: CoreState,
  kind: VoteReply["kind"],
  to: NodeId,
  term: number,
  granted: boolean,
): void {
  s.out.messages.push(voteReply(s, kind, to, term, granted, 0));
}

function voteReply(
  s: CoreState,
  kind: VoteReply["kind"],
  to: NodeId,
  term: number,
  granted: boolean,
  removedAtIndex: number,
): VoteReply {
  return { kind, from: s.id, to, term, granted, removedAtIndex };
}

function replyKind({ kind }: VoteRequest): VoteReply["kind"] {
  return kind === MessageKind.preVote ? MessageKind.preVoteReply : MessageKind.voteReply;
}
