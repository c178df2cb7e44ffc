import type { CoreState } from "./core-state.ts";
import { becomeLeader } from "./leading.ts";
import { MessageKind, type NodeId, type VoteReply, type VoteRequest } from "./message.ts";
import { Role } from "./output.ts";
import type { Peer } from "./progress.ts";
import { reachedByQuorum } from "./quorum.ts";
import { becomeFollower, enterTerm } from "./role.ts";
import { excuseStall, isLeaderAlive, restartElectionTimer, startElectionTimer } from "./timing.ts";

export function tickElection(s: CoreState, sinceLastTickMs: number): void {
  if (!s.isVoter || s.isStateMissing || s.nowMs < s.electionDeadlineMs) {
    return;
  }
  if (s.leaderId !== 0 && excuseStall(s, sinceLastTickMs)) {
    return;
  }
  if (s.role === Role.candidate && !s.hasOwnVote) {
    // The disk is slow. Another term would wait for it just as long, and nobody was asked yet.
    startElectionTimer(s);
    return;
  }
  if (s.options.preVote) {
    becomePreCandidate(s);
  } else {
    becomeCandidate(s);
  }
}

/** Asks whether it could win before it enters a new term, so that a node cut off disturbs nobody. */
function becomePreCandidate(s: CoreState): void {
  startRound(s, Role.preCandidate);
  if (hasVoteQuorum(s)) {
    becomeCandidate(s);
    return;
  }
  askPeers(s, MessageKind.preVote, s.term + 1);
}

/** Others are asked when the own vote is durable, see `onHardStateDurable`. */
function becomeCandidate(s: CoreState): void {
  startRound(s, Role.candidate);
  enterTerm(s, s.term + 1, s.id);
  s.hasOwnVote = false;
}

function startRound(s: CoreState, role: Role): void {
  s.role = role;
  s.leaderId = 0;
  s.out.hasRoleChange = true;
  for (const peer of s.peers) {
    peer.hasGranted = false;
  }
  startElectionTimer(s);
}

/** (term, vote) is on disk: the grant that waited for it may leave, and the own vote counts. */
export function onHardStateDurable(s: CoreState): void {
  if (s.grantTo !== 0) {
    replyToVote(s, MessageKind.voteReply, s.grantTo, s.term, true);
    s.grantTo = 0;
  }
  if (s.role === Role.candidate && !s.hasOwnVote) {
    s.hasOwnVote = true;
    restartElectionTimer(s);
    askPeers(s, MessageKind.vote, s.term);
    countVotes(s);
  }
}

export function onVoteRequest(s: CoreState, request: VoteRequest): void {
  if (request.kind === MessageKind.preVote) {
    const isGranted = request.term > s.term && !isLeaderAlive(s) && isUpToDate(s, request);
    const term = isGranted ? request.term : s.term;
    replyToVote(s, MessageKind.preVoteReply, request.from, term, isGranted);
    return;
  }
  const isRepeat = request.term === s.term && request.from === s.vote;
  if (request.term < s.term || (!isRepeat && isLeaderAlive(s))) {
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

export function onVoteReply(s: CoreState, reply: VoteReply): void {
  const isPreVote = reply.kind === MessageKind.preVoteReply;
  const peer = s.peer(reply.from);
  if (peer === null) {
    return;
  }
  if (reply.term > s.term && !(isPreVote && reply.granted)) {
    becomeFollower(s, reply.term, 0);
    return;
  }
  const asked = isPreVote ? Role.preCandidate : Role.candidate;
  const askedTerm = isPreVote ? s.term + 1 : s.term;
  if (s.role !== asked || !reply.granted || reply.term !== askedTerm) {
    return;
  }
  peer.hasGranted = true;
  countVotes(s);
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

function countVotes(s: CoreState): void {
  if (!hasVoteQuorum(s)) {
    return;
  }
  if (s.role === Role.preCandidate) {
    becomeCandidate(s);
  } else {
    becomeLeader(s);
  }
}

function hasVoteQuorum(s: CoreState): boolean {
  const { peers, scratch } = s;
  for (let i = 0; i < peers.length; i++) {
    scratch[i] = (peers[i] as Peer).hasGranted ? 1 : 0;
  }
  return reachedByQuorum(s, 1) === 1;
}

/** Raft paper, section 5.4.1: whoever leads must have everything that is committed. */
function isUpToDate(s: CoreState, request: VoteRequest): boolean {
  const lastTerm = s.log.lastTerm;
  return (
    request.lastTerm > lastTerm ||
    (request.lastTerm === lastTerm && request.lastIndex >= s.log.lastIndex)
  );
}

function askPeers(s: CoreState, kind: VoteRequest["kind"], term: number): void {
  for (const peer of s.peers) {
    if (!peer.isOldVoter && !peer.isNextVoter) {
      continue;
    }
    s.out.messages.push({
      kind,
      from: s.id,
      to: peer.id,
      term,
      lastIndex: s.log.lastIndex,
      lastTerm: s.log.lastTerm,
    });
  }
}

function replyToVote(
  s: CoreState,
  kind: VoteReply["kind"],
  to: NodeId,
  term: number,
  granted: boolean,
): void {
  s.out.messages.push({ kind, from: s.id, to, term, granted });
}
