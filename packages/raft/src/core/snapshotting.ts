import { configurationOf } from "./membership.ts";
import type { CoreState } from "./core-state.ts";
import { acknowledgeCommitted } from "./following.ts";
import { MessageKind, type NodeId, type SnapshotChunk, type SnapshotReply } from "./message.ts";
import { SnapshotStatus } from "./message.ts";
import { Role, type SnapshotBase } from "./output.ts";
import { ProgressState } from "./progress.ts";
import { reconfigure } from "./reconfigure.ts";
import { becomeFollower } from "./role.ts";
import { follow } from "./following.ts";

/**
 * Snapshots, as far as the algorithm is concerned: who needs one, whether a part of one comes from
 * the leader of the present term, and what becomes of the log when a whole one has arrived. The
 * bytes are the host's business.
 */

/** A part of a snapshot, or an offer of one: goes to the host when it comes from the leader and helps. */
export function onSnapshotChunk(s: CoreState, chunk: SnapshotChunk): void {
  if (chunk.term < s.term) {
    // Answered so that a leader of the past learns of the present.
    s.out.messages.push(snapshotReply(s, chunk, SnapshotStatus.refused));
    return;
  }
  follow(s, chunk.from, chunk.term);
  s.leaderCommitIndex = Math.max(s.leaderCommitIndex, chunk.index);
  if (chunk.index <= s.commitIndex && !s.isStateMissing) {
    s.out.messages.push(snapshotReply(s, chunk, SnapshotStatus.installed));
    acknowledgeCommitted(s, chunk.from);
    return;
  }
  s.out.snapshots().chunks.push(chunk);
}

export function onSnapshotReply(s: CoreState, reply: SnapshotReply): void {
  const peer = s.peer(reply.from);
  if (peer === null) {
    return;
  }
  if (reply.term > s.term) {
    becomeFollower(s, reply.term, 0);
    return;
  }
  if (s.role !== Role.leader || reply.term !== s.term) {
    return;
  }
  peer.heardMs = s.nowMs;
  if (reply.status !== SnapshotStatus.wanted) {
    s.out.snapshots().replies.push(reply);
  } else if (peer.state !== ProgressState.snapshot) {
    // It lost its state, whatever its log holds.
    peer.becomeSnapshot();
    s.out.snapshots().sends.push(peer.id);
    s.out.snapshots().replies.push(reply);
  }
}

/** The host ended a transfer. `index` is what the follower holds now; 0 when it failed. */
export function onSnapshotSent(s: CoreState, to: NodeId, index: number): void {
  const peer = s.peer(to);
  if (peer === null || s.role !== Role.leader || peer.state !== ProgressState.snapshot) {
    return;
  }
  peer.becomeProbe(Math.min(Math.max(peer.matchIndex, index), s.log.lastIndex) + 1);
  // Trying again at once could fail at once, for ever; the next heartbeat reply is soon enough.
  peer.isProbeSent = index === 0;
  s.isAppendWanted = true;
}

/**
 * A whole snapshot is in the store. It is of committed entries, so it may be taken whoever leads; a
 * log that agrees with it goes on as it is, any other one is replaced.
 */
export function onSnapshotReceived(s: CoreState, base: SnapshotBase): void {
  const isOld = base.index <= s.commitIndex && !s.isStateMissing;
  if (s.role === Role.leader || isOld || base.index < s.log.firstIndex - 1) {
    acknowledgeCommitted(s, s.leaderId);
    return;
  }
  const isHeld = s.log.termAt(base.index) === base.term;
  const mustRestore = !isHeld || s.isStateMissing;
  if (!isHeld) {
    s.writes.reset(base, Math.min(s.commitIndex, s.writes.durableIndex));
    s.log.reset(base);
    s.acks.clear();
    takeMembership(s, base);
  } else if (s.isStateMissing) {
    recoverMembership(s, base);
  }
  s.commitIndex = Math.max(s.commitIndex, base.index);
  if (mustRestore) {
    s.out.snapshots().install = base;
  }
  acknowledgeCommitted(s, s.leaderId);
}

/** The snapshot's configuration is older than everything that can follow it. */
function takeMembership(s: CoreState, { membership, membershipIndex, term }: SnapshotBase): void {
  const start = s.configs.list[0];
  if (membershipIndex > 0) {
    s.configs.reset(configurationOf({ index: membershipIndex, term, payload: membership }));
  } else if (start !== undefined) {
    s.configs.reset(start);
  }
  reconfigure(s);
}

/**
 * The log goes on, and may have lost the members' entry with its head; whoever came back without its
 * last snapshot knows only those of the group's start.
 */
function recoverMembership(
  s: CoreState,
  { membership, membershipIndex, term }: SnapshotBase,
): void {
  if (membershipIndex > 0) {
    s.configs.rebase(configurationOf({ index: membershipIndex, term, payload: membership }));
    reconfigure(s);
  }
}

function snapshotReply(
  s: CoreState,
  chunk: SnapshotChunk,
  status: SnapshotReply["status"],
): SnapshotReply {
  return {
    kind: MessageKind.snapshotReply,
    from: s.id,
    to: chunk.from,
    term: s.term,
    status,
    id: chunk.id,
    offset: chunk.offset,
    index: s.commitIndex,
  };
}
