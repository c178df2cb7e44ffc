// Hot path: per message. No closures, no promises.
import { type EntryBatch, sliceBatch } from "../entry/entry-batch.ts";
import { conflictHint } from "./conflict-hint.ts";
import type { CoreState } from "./core-state.ts";
import { invariant } from "./invariant.ts";
import { reconfigure } from "./reconfigure.ts";
import { type Append, type Heartbeat, MessageKind, type NodeId } from "./message.ts";
import { Role } from "./output.ts";
import { becomeFollower } from "./role.ts";
import { leaderHeard } from "./timing.ts";

export function onAppend(s: CoreState, append: Append): void {
  if (append.term < s.term) {
    // Answered so that a leader of the past learns of the present.
    refuseAppend(s, append, 0, 0, -1, 0);
    return;
  }
  follow(s, append.from, append.term);
  s.leaderCommitIndex = Math.max(s.leaderCommitIndex, append.commitIndex);
  if (!isPrevMatching(s, append)) {
    const { prevIndex, prevTerm } = append;
    const hintIndex = conflictHint(s.log.runs, prevIndex, prevTerm, s.commitIndex);
    const hintTerm = Math.max(s.log.termAt(hintIndex), 0);
    refuseAppend(s, append, hintIndex, hintTerm, append.sentAtMs, append.readToken);
    return;
  }
  const verifiedIndex = takeEntries(s, append);
  noteFreshness(s);
  commitTo(s, Math.min(append.commitIndex, verifiedIndex));
  acknowledge(s, append, verifiedIndex);
}

/**
 * An answer carries the term of now. To a message of an earlier term it echoes nothing: who sent that one may lead
 * again since, and would take the echo for a word of this term. It could confirm reads that nobody was asked about, as
 * the tokens of a node that has started again are those of its earlier life, and extend a lease that nobody gave.
 */
export function onHeartbeat(s: CoreState, heartbeat: Heartbeat): void {
  const isOfNow = heartbeat.term >= s.term;
  if (isOfNow) {
    follow(s, heartbeat.from, heartbeat.term);
    s.leaderCommitIndex = Math.max(s.leaderCommitIndex, heartbeat.leaderCommitIndex);
    // The leader names no entry here that this node has not acknowledged to it.
    commitTo(s, Math.min(heartbeat.commitIndex, s.log.lastIndex));
    noteFreshness(s);
  }
  s.out.messages.push({
    kind: MessageKind.heartbeatReply,
    from: s.id,
    to: heartbeat.from,
    term: s.term,
    sentAtMs: isOfNow ? heartbeat.sentAtMs : -1,
    readToken: isOfNow ? heartbeat.readToken : 0,
  });
}

/** Entries that waited for their write are durable: tells the leader. */
export function releaseAcks(s: CoreState): void {
  const to = s.acks.to;
  const ack = s.acks.release(s.writes.durableSequence);
  if (ack !== null) {
    pushAck(s, to, ack.index, ack.sentAtMs, ack.readToken);
  }
}

/**
 * This node has applied all that its leader had committed when it was heard last. A leader knows
 * what is committed only from an entry of its own term on.
 */
export function noteFreshness(s: CoreState): void {
  const hasAll = s.leaderId !== 0 && s.leaderCommitIndex <= s.appliedIndex;
  if (hasAll && s.log.termAt(s.leaderCommitIndex) === s.term) {
    s.freshMs = s.heardLeaderMs;
  }
}

export function follow(s: CoreState, leaderId: NodeId, term: number): void {
  invariant(
    term > s.term || (s.role !== Role.leader && (s.leaderId === 0 || s.leaderId === leaderId)),
    "a term has one leader",
  );
  becomeFollower(s, term, leaderId);
  leaderHeard(s);
}

function isPrevMatching(s: CoreState, append: Append): boolean {
  const { prevIndex, prevTerm } = append;
  const ownTerm = s.log.termAt(prevIndex);
  if (prevIndex > s.commitIndex) {
    return ownTerm === prevTerm;
  }
  // What is committed agrees with every leader to come, also where the log's head is gone.
  invariant(ownTerm === prevTerm || ownTerm < 0, "a leader has every committed entry");
  return true;
}

/** Adds what is new, and cuts the log only where it contradicts. Returns the last entry verified. */
function takeEntries(s: CoreState, append: Append): number {
  let next = append.prevIndex + 1;
  for (const batch of append.batches) {
    invariant(batch.firstIndex === next && batch.term <= append.term, "entries follow each other");
    next = batch.lastIndex + 1;
    takeBatch(s, batch);
  }
  return next - 1;
}

function takeBatch(s: CoreState, batch: EntryBatch): void {
  const log = s.log;
  let from = batch.firstIndex;
  if (from <= log.lastIndex) {
    from = firstDifferent(s, batch);
    if (from > batch.lastIndex) {
      return;
    }
  }
  const part = sliceBatch(batch, from, batch.lastIndex);
  let isReconfigured = false;
  if (from <= log.lastIndex) {
    invariant(from > s.commitIndex, "a committed entry is never cut away");
    log.truncate(from, part.prevChain);
    s.writes.truncated(from);
    isReconfigured = s.configs.truncate(from);
  }
  log.append(part);
  if (s.configs.append(part) || isReconfigured) {
    reconfigure(s);
  }
}

/**
 * The first entry of `batch` that the log does not have; above `batch.lastIndex` when it has all.
 * Equal (index, term) is an equal entry.
 */
function firstDifferent(s: CoreState, batch: EntryBatch): number {
  const from = Math.max(batch.firstIndex, s.log.firstIndex);
  if (from > batch.lastIndex || s.log.termAt(from) !== batch.term) {
    return from;
  }
  return s.log.runs.runEnd(from) + 1;
}

function commitTo(s: CoreState, index: number): void {
  if (index > s.commitIndex) {
    s.commitIndex = index;
  }
}

/** The ack leaves when the entries it speaks for, and the term it is given in, are durable. */
function acknowledge(s: CoreState, append: Append, verifiedIndex: number): void {
  const writes = s.writes;
  // Committed entries agree with the leader's: an old or low append still tells it all of them.
  const index = Math.max(verifiedIndex, Math.min(s.commitIndex, writes.durableIndex));
  const sequence = Math.max(writes.sequenceCovering(index), writes.hardStateSequence);
  if (sequence <= writes.durableSequence) {
    pushAck(s, append.from, index, append.sentAtMs, append.readToken);
  } else {
    s.acks.hold(append.from, sequence, index, append.sentAtMs, append.readToken);
  }
}

/** Tells the leader, once it is durable, how far this node is with what is committed. */
export function acknowledgeCommitted(s: CoreState, to: NodeId): void {
  if (to === 0 || to === s.id) {
    return;
  }
  const { writes } = s;
  const index = Math.min(s.commitIndex, s.log.lastIndex);
  const sequence = Math.max(writes.sequenceCovering(index), writes.hardStateSequence);
  if (sequence <= writes.durableSequence) {
    pushAck(s, to, index, -1, 0);
  } else {
    s.acks.hold(to, sequence, index, -1, 0);
  }
}

function pushAck(
  s: CoreState,
  to: NodeId,
  index: number,
  sentAtMs: number,
  readToken: number,
): void {
  s.out.messages.push({
    kind: MessageKind.appendReply,
    from: s.id,
    to,
    term: s.term,
    accepted: true,
    index,
    hintIndex: 0,
    hintTerm: 0,
    sentAtMs,
    readToken,
  });
}

function refuseAppend(
  s: CoreState,
  append: Append,
  hintIndex: number,
  hintTerm: number,
  sentAtMs: number,
  readToken: number,
): void {
  s.out.messages.push({
    kind: MessageKind.appendReply,
    from: s.id,
    to: append.from,
    term: s.term,
    accepted: false,
    index: append.prevIndex,
    hintIndex,
    hintTerm,
    sentAtMs,
    readToken,
  });
}
