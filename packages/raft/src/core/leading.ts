import { singleEntry } from "../entry/batch-builder.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType } from "../entry/record.ts";
import { appendOwn } from "./append-own.ts";
import type { CoreState } from "./core-state.ts";
import { type AppendReply, type HeartbeatReply, MessageKind, type ReadIndex } from "./message.ts";
import { DropReason, Role } from "./output.ts";
import type { Peer } from "./progress.ts";
import { leaderFreshMs, renewLease } from "./lease.ts";
import { reachedByQuorum } from "./quorum.ts";
import { confirm, grantReads, isReadable } from "./reads.ts";
import { answerAsker, NOT_CONFIRMED, sendHeartbeat } from "./remote-reads.ts";
import { onAppendReply, onPeerAlive } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import { excuseStall } from "./timing.ts";
import { handOverIfDue, tickTransfer } from "./transfer.ts";

const NO_PAYLOAD = Buffer.alloc(0);

/** Won the election: announces itself with an empty entry, which also commits what came before. */
export function becomeLeader(s: CoreState): void {
  s.role = Role.leader;
  s.leaderId = s.id;
  s.out.hasRoleChange = true;
  s.termStartIndex = s.log.lastIndex + 1;
  s.heartbeatDueMs = s.nowMs + s.options.heartbeatMs;
  s.transferTo = 0;
  s.isLeaseGivenUp = false;
  s.isSuccessor = false;
  s.isConfigurationSettled = false;
  for (const peer of s.peers) {
    peer.reset(s.termStartIndex, s.nowMs);
  }
  renewLease(s);
  appendOwn(
    s,
    singleEntry(EntryType.noop, NO_PAYLOAD, s.termStartIndex, s.term, s.wallMs, s.log.lastChain),
  );
}

export function onPropose(s: CoreState, batch: EntryBatch): void {
  if (s.role !== Role.leader) {
    s.out.proposeDrops.push({ batch, reason: DropReason.notLeader });
    return;
  }
  if (s.transferTo !== 0) {
    s.out.proposeDrops.push({ batch, reason: DropReason.transferring });
    return;
  }
  if (
    batch.firstIndex !== s.log.lastIndex + 1 ||
    batch.prevChain !== s.log.lastChain ||
    batch.term !== s.term
  ) {
    s.out.proposeDrops.push({ batch, reason: DropReason.outOfOrder });
    return;
  }
  appendOwn(s, batch);
}

export function tickLeader(s: CoreState, sinceLastTickMs: number): void {
  s.freshMs = leaderFreshMs(s, s.nowMs);
  if (s.transferTo !== 0) {
    tickTransfer(s);
  } else {
    handOverIfDue(s);
  }
  if (s.options.checkQuorum && !hasHeardQuorum(s)) {
    if (!excuseStall(s, sinceLastTickMs)) {
      becomeFollower(s, s.term, 0);
      return;
    }
  }
  if (s.nowMs >= s.heartbeatDueMs) {
    s.heartbeatDueMs = s.nowMs + s.options.heartbeatMs;
    s.isHeartbeatWanted = true;
    for (const peer of s.peers) {
      peer.isReplyDue = true;
    }
  }
}

export function flushHeartbeats(s: CoreState): void {
  s.isHeartbeatWanted = false;
  for (const peer of s.peers) {
    sendHeartbeat(s, peer);
  }
}

/** An answer of the own term: the follower is alive and took this node for its leader. */
export function onFollowerReply(
  s: CoreState,
  peer: Peer,
  reply: AppendReply | HeartbeatReply,
): void {
  peer.heardMs = s.nowMs;
  const sentAtMs = Math.min(reply.sentAtMs, s.nowMs);
  if (sentAtMs > peer.ackedSentAtMs) {
    peer.ackedSentAtMs = sentAtMs;
    renewLease(s);
  }
  if (reply.readToken > peer.ackedReadToken) {
    peer.ackedReadToken = Math.min(reply.readToken, s.reads.newestToken);
    grantReads(s);
  }
  if (reply.kind === MessageKind.appendReply) {
    onAppendReply(s, peer, reply);
  } else if (peer.isReplyDue) {
    // Once an interval, however many rounds reads ask for in between.
    peer.isReplyDue = false;
    onPeerAlive(s, peer);
  }
}

/** Another member serves reads too: it gets a token of its own, or the word of the lease. */
export function onReadIndex(s: CoreState, { from, term, run, token }: ReadIndex): void {
  if (s.role !== Role.leader || term !== s.term || s.peer(from) === null) {
    answerAsker(s, from, run, token, NOT_CONFIRMED);
  } else if (isReadable(s) && s.nowMs < s.leaseUntilMs) {
    answerAsker(s, from, run, token, s.commitIndex);
  } else {
    confirm(s, token, from, run, s.reads.nextToken(0));
  }
}

function hasHeardQuorum(s: CoreState): boolean {
  const { peers, scratch } = s;
  for (let i = 0; i < peers.length; i++) {
    scratch[i] = (peers[i] as Peer).heardMs;
  }
  const quorumHeardMs = reachedByQuorum(s, s.nowMs);
  if (s.nowMs - quorumHeardMs < s.options.electionTimeoutMinMs) {
    s.isStallExcused = false;
    return true;
  }
  return false;
}
