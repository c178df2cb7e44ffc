import type { EntryBatch } from "../entry/entry-batch.ts";
import { advanceCommit } from "./commit.ts";
import { onConfigRequest } from "./config-change.ts";
import type { CoreState } from "./core-state.ts";
import {
  onCampaign,
  onHardStateDurable,
  onTimeoutNow,
  onVoteReply,
  tickElection,
} from "./election.ts";
import { noteFreshness, onAppend, onHeartbeat, releaseAcks } from "./following.ts";
import { type Input, InputKind } from "./input.ts";
import { invariant } from "./invariant.ts";
import { leaderFreshMs } from "./lease.ts";
import { onFollowerReply, onPropose, onReadIndex, tickLeader } from "./leading.ts";
import {
  type AppendReply,
  type HeartbeatReply,
  type Message,
  MessageKind,
  type NodeId,
} from "./message.ts";
import { Role } from "./output.ts";
import { onRead } from "./reads.ts";
import { onReadIndexReply } from "./remote-reads.ts";
import { onLogRead, onUnreachable } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import {
  onSnapshotChunk,
  onSnapshotReceived,
  onSnapshotReply,
  onSnapshotSent,
} from "./snapshotting.ts";
import { advanceTransfer, onTransfer } from "./transfer.ts";
import { onVoteRequest } from "./voting.ts";

/** Changes the state by one input. */
export function step(s: CoreState, input: Input): void {
  switch (input.kind) {
    case InputKind.tick:
      tick(s);
      break;
    case InputKind.message:
      receive(s, input.message);
      break;
    case InputKind.propose:
      onPropose(s, input.batch);
      break;
    case InputKind.read:
      onRead(s, input.token, input.mayAskLeader === true);
      break;
    case InputKind.changeConfig:
      onConfigRequest(s, input.token, input.request);
      break;
    case InputKind.transfer:
      onTransfer(s, input.token, input.to);
      break;
    case InputKind.campaign:
      onCampaign(s, input.token);
      break;
    case InputKind.persisted:
      persisted(s, input.io.sequence);
      break;
    case InputKind.applied:
      applied(s, input.index);
      break;
    case InputKind.logRead:
      logRead(s, input.to, input.firstIndex, input.batches);
      break;
    case InputKind.unreachable:
      unreachable(s, input.peer);
      break;
    case InputKind.snapshotReceived:
      onSnapshotReceived(s, input.base);
      break;
    case InputKind.snapshotSent:
      onSnapshotSent(s, input.to, input.index);
      break;
    case InputKind.headDropped:
      headDropped(s, input.firstIndex);
      break;
  }
}

function tick(s: CoreState): void {
  const sinceLastTickMs = s.nowMs - s.lastTickMs;
  s.lastTickMs = s.nowMs;
  if (s.role === Role.leader) {
    tickLeader(s, sinceLastTickMs);
  } else {
    tickElection(s, sinceLastTickMs);
  }
}

function receive(s: CoreState, message: Message): void {
  if (message.to !== s.id || message.from === s.id) {
    return;
  }
  switch (message.kind) {
    case MessageKind.preVote:
    case MessageKind.vote:
      onVoteRequest(s, message);
      break;
    case MessageKind.preVoteReply:
    case MessageKind.voteReply:
      onVoteReply(s, message);
      break;
    case MessageKind.append:
      onAppend(s, message);
      break;
    case MessageKind.heartbeat:
      onHeartbeat(s, message);
      break;
    case MessageKind.appendReply:
    case MessageKind.heartbeatReply:
      receiveReply(s, message);
      break;
    case MessageKind.snapshotChunk:
      onSnapshotChunk(s, message);
      break;
    case MessageKind.snapshotReply:
      onSnapshotReply(s, message);
      break;
    case MessageKind.timeoutNow:
      onTimeoutNow(s, message);
      break;
    case MessageKind.readIndex:
      onReadIndex(s, message);
      break;
    case MessageKind.readIndexReply:
      onReadIndexReply(s, message);
      break;
  }
}

function receiveReply(s: CoreState, reply: AppendReply | HeartbeatReply): void {
  const peer = s.peer(reply.from);
  if (peer === null) {
    // Whoever is no member any more says nothing about terms.
    return;
  }
  if (reply.term > s.term) {
    becomeFollower(s, reply.term, 0);
    return;
  }
  if (s.role === Role.leader && reply.term === s.term) {
    onFollowerReply(s, peer, reply);
  }
}

function persisted(s: CoreState, sequence: number): void {
  s.writes.persisted(sequence);
  releaseAcks(s);
  if (s.writes.isHardStateDurable) {
    onHardStateDurable(s);
  }
  if (s.role === Role.leader) {
    advanceCommit(s);
  }
  trimTail(s);
}

function applied(s: CoreState, index: number): void {
  invariant(index <= s.commitIndex, "only committed entries are applied");
  s.appliedIndex = Math.max(s.appliedIndex, index);
  if (s.configs.list.length > 1) {
    s.configs.dropBefore(s.appliedIndex);
  }
  if (s.transferTo !== 0) {
    advanceTransfer(s);
  }
  if (s.role === Role.leader) {
    s.freshMs = leaderFreshMs(s, s.nowMs);
  } else {
    noteFreshness(s);
  }
  trimTail(s);
}

/** A restore holds up the applying: what arrives meanwhile is applied from the log. */
function trimTail(s: CoreState): void {
  const index = s.isStateMissing ? Infinity : s.appliedIndex;
  s.log.trim(Math.min(s.writes.durableIndex, index), s.options.tailBytes);
}

/** Only what a snapshot stands for is ever dropped. */
function headDropped(s: CoreState, firstIndex: number): void {
  invariant(firstIndex <= s.appliedIndex + 1 || s.isStateMissing, "what is dropped was applied");
  s.log.dropHead(firstIndex);
  s.isAppendWanted ||= s.role === Role.leader;
}

function logRead(
  s: CoreState,
  to: NodeId,
  firstIndex: number,
  batches: readonly EntryBatch[],
): void {
  const peer = s.peer(to);
  if (peer !== null && s.role === Role.leader) {
    onLogRead(s, peer, firstIndex, batches);
  }
}

function unreachable(s: CoreState, id: NodeId): void {
  const peer = s.peer(id);
  if (peer !== null && s.role === Role.leader) {
    onUnreachable(peer);
  }
}
