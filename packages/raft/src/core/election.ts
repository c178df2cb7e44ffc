import type { CoreState } from "./core-state.ts";
import { becomeLeader } from "./leading.ts";
import { MessageKind, type TimeoutNow, type VoteReply, type VoteRequest } from "./message.ts";
import { Role } from "./output.ts";
import type { Peer } from "./progress.ts";
import { reachedByQuorum } from "./quorum.ts";
import { dropAskedReads, tickAskedReads } from "./remote-reads.ts";
import { becomeFollower, enterTerm } from "./role.ts";
import { excuseStall, isLeaderAlive, restartElectionTimer, startElectionTimer } from "./timing.ts";
import { replyToVote } from "./voting.ts";

export function tickElection(s: CoreState, sinceLastTickMs: number): void {
  tickAskedReads(s);
  if (s.nowMs < s.electionDeadlineMs || !mayCampaign(s)) {
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
  becomePreCandidate(s);
}

/**
 * Whether this node may stand for election: it votes, or did until an entry that may not be committed;
 * nobody told it that it does no more, and it
 * has applied every configuration that it knows to be committed (a node that campaigns by members of
 * the past could win beside a leader of the present).
 */
export function mayCampaign(s: CoreState): boolean {
  const { active, list } = s.configs;
  const next = list[1];
  const isApplied =
    next === undefined || next.index > s.commitIndex || next.index <= s.appliedIndex;
  const isVoter = s.isVoter ? s.removedAtIndex <= active.index : s.isVoterUntilCommit;
  return isVoter && !s.isStateMissing && isApplied;
}

/**
 * An administrator asks this node to stand for election. Refused while a lease may count on this
 * node: it would give itself the vote that it promised to give to nobody.
 */
export function onCampaign(s: CoreState, token: number): void {
  const isFree = !s.options.leaseReads || !isLeaderAlive(s);
  const may = s.role === Role.leader || (isFree && mayCampaign(s));
  s.out.answers.push({ token, index: 0, refusal: may ? null : { reason: "cannotCampaign" } });
  if (may && s.role === Role.follower) {
    becomePreCandidate(s);
  }
}

/** The leader names this node its successor: no pre-vote, and voters do not wait for its silence. */
export function onTimeoutNow(s: CoreState, { from, term }: TimeoutNow): void {
  if (term === s.term && from === s.leaderId && s.role === Role.follower && mayCampaign(s)) {
    becomeCandidate(s);
    s.isSuccessor = true;
  }
}

/** Asks whether it could win before it enters a new term, so that a node cut off disturbs nobody. */
function becomePreCandidate(s: CoreState): void {
  startRound(s, Role.preCandidate);
  if (!s.options.preVote || hasVoteQuorum(s)) {
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
  dropAskedReads(s);
  s.isSuccessor = false;
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

export function onVoteReply(s: CoreState, reply: VoteReply): void {
  const isPreVote = reply.kind === MessageKind.preVoteReply;
  const peer = s.peer(reply.from);
  if (peer === null) {
    return;
  }
  const { active } = s.configs;
  if (
    reply.removedAtIndex > active.index ||
    (reply.removedAtIndex === active.index && !s.isVoter)
  ) {
    s.removedAtIndex = Math.max(s.removedAtIndex, reply.removedAtIndex);
    becomeFollower(s, Math.max(s.term, reply.term), 0);
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
      isSuccessor: s.isSuccessor,
    });
  }
}
