// Hot path: per message. No closures, no promises.
import type { EntryBatch } from "../entry/entry-batch.ts";
import { advanceCommit } from "./commit.ts";
import { nextAfterRefusal } from "./conflict-hint.ts";
import type { CoreState } from "./core-state.ts";
import { type AppendReply, MessageKind } from "./message.ts";
import { type Peer, ProgressState } from "./progress.ts";
import { advanceTransfer } from "./transfer.ts";

const NO_BATCHES: readonly EntryBatch[] = Object.freeze([]);

/** Leader: sends every follower what the steps since the last `take` allow, in few messages. */
export function flushAppends(s: CoreState): void {
  s.isAppendWanted = false;
  for (const peer of s.peers) {
    if (peer.state === ProgressState.probe) {
      probe(s, peer);
    } else if (peer.state === ProgressState.replicate) {
      replicate(s, peer);
    }
  }
}

export function onAppendReply(s: CoreState, peer: Peer, reply: AppendReply): void {
  if (reply.accepted) {
    onAccepted(s, peer, reply.index);
  } else {
    onRefused(s, peer, reply);
  }
}

function onAccepted(s: CoreState, peer: Peer, index: number): void {
  if (index > s.log.lastIndex || index < peer.matchIndex) {
    return;
  }
  const hasAdvanced = index > peer.matchIndex;
  peer.matchIndex = index;
  peer.inflight.freeTo(index);
  const canContinue = peer.state === ProgressState.snapshot && s.log.termAt(index) >= 0;
  if (peer.state === ProgressState.probe || canContinue) {
    peer.becomeReplicate(index + 1);
  } else if (peer.nextIndex <= index) {
    peer.nextIndex = index + 1;
  }
  s.isAppendWanted = true;
  if (hasAdvanced) {
    advanceCommit(s);
    if (s.transferTo === peer.id) {
      advanceTransfer(s);
    }
  }
}

/**
 * A refusal is old news when it is about an entry that matched since, or about another probe than
 * the one on its way. It then changes nothing: a needless retreat sends entries twice.
 */
function onRefused(s: CoreState, peer: Peer, reply: AppendReply): void {
  if (reply.index <= peer.matchIndex || peer.state === ProgressState.snapshot) {
    return;
  }
  if (peer.state === ProgressState.probe && reply.index !== peer.nextIndex - 1) {
    return;
  }
  const { hintIndex, hintTerm } = reply;
  const next = nextAfterRefusal(s.log.runs, reply.index, hintIndex, hintTerm, peer.matchIndex);
  const wasProbe = peer.state === ProgressState.probe;
  peer.becomeProbe(next);
  if (wasProbe && next === hintIndex + 1 && s.log.termAt(hintIndex) === hintTerm) {
    // An equal entry proves equal logs up to it, so the search is over. Not so for a follower that
    // was fed at full rate: refusals of all it was sent may follow, and a probe ignores those.
    peer.becomeReplicate(next);
  }
  s.isAppendWanted = true;
}

/** The follower is alive but not known to have everything: messages to it may have been lost. */
export function onPeerAlive(s: CoreState, peer: Peer): void {
  peer.isLogReadHeld = false;
  if (peer.state === ProgressState.probe) {
    peer.isProbeBare = peer.isProbeSent;
    peer.isProbeSent = false;
  } else if (peer.state === ProgressState.replicate) {
    peer.isProbeWanted = peer.matchIndex < peer.nextIndex - 1;
  }
  s.isAppendWanted = true;
}

/** Messages to the follower were lost: nothing sent ahead of answers can be relied on. */
export function onUnreachable(peer: Peer): void {
  if (peer.state === ProgressState.snapshot) {
    // Its transfer hears of it, too, and ends or goes on.
    return;
  }
  if (peer.state === ProgressState.replicate) {
    peer.becomeProbe(peer.matchIndex + 1);
  }
  // Trying again at once could fail at once, for ever; the next heartbeat reply is soon enough.
  peer.isProbeSent = true;
}

/** Entries for a lagging follower came from the log. Used only if they still are what it needs. */
export function onLogRead(
  s: CoreState,
  peer: Peer,
  firstIndex: number,
  batches: readonly EntryBatch[],
): void {
  if (peer.logReadIndex !== firstIndex) {
    return;
  }
  peer.logReadIndex = 0;
  s.isAppendWanted = true;
  if (peer.state !== ProgressState.replicate || peer.nextIndex !== firstIndex) {
    return;
  }
  // Meanwhile the head may have been dropped, and with it the entry before, which an append names.
  const isHeadGone = s.log.termAt(firstIndex - 1) < 0;
  if (batches.length === 0 || isHeadGone || !isOfThisLog(s, firstIndex, batches)) {
    peer.isLogReadHeld = true;
    return;
  }
  sendEntries(s, peer, joinTail(s, batches));
}

/** What was read and, when it reaches that far, what follows it in memory, in one message. */
function joinTail(s: CoreState, batches: readonly EntryBatch[]): readonly EntryBatch[] {
  const left = s.options.maxAppendBytes - byteLength(batches);
  const next = (batches[batches.length - 1] as EntryBatch).lastIndex + 1;
  const tail = left > 0 ? s.log.slice(next, s.log.lastIndex, left) : null;
  return tail === null || byteLength(tail) > left ? batches : batches.concat(tail);
}

/** A read may have been answered with entries that were cut away since. */
function isOfThisLog(s: CoreState, firstIndex: number, batches: readonly EntryBatch[]): boolean {
  let next = firstIndex;
  for (const batch of batches) {
    if (
      batch.firstIndex !== next ||
      s.log.termAt(next) !== batch.term ||
      s.log.termAt(batch.lastIndex) !== batch.term
    ) {
      return false;
    }
    next = batch.lastIndex + 1;
  }
  return true;
}

function probe(s: CoreState, peer: Peer): void {
  if (peer.isProbeSent) {
    return;
  }
  const batches = peer.isProbeBare
    ? null
    : s.log.slice(peer.nextIndex, s.log.lastIndex, s.options.maxAppendBytes);
  if (sendAppend(s, peer, batches ?? NO_BATCHES)) {
    peer.isProbeSent = true;
  } else {
    needsSnapshot(s, peer);
  }
}

function needsSnapshot(s: CoreState, peer: Peer): void {
  peer.becomeSnapshot();
  s.out.snapshots().sends.push(peer.id);
}

function replicate(s: CoreState, peer: Peer): void {
  const { windowAppends, windowBytes, maxAppendBytes } = s.options;
  const lastIndex = s.log.lastIndex;
  const firstSent = peer.nextIndex;
  while (peer.nextIndex <= lastIndex && peer.inflight.count < windowAppends) {
    const room = windowBytes - peer.inflight.bytes;
    if (room <= 0) {
      break;
    }
    const maxBytes = Math.min(room, maxAppendBytes);
    const batches = s.log.slice(peer.nextIndex, lastIndex, maxBytes);
    if (batches === null) {
      if (peer.nextIndex < s.log.firstIndex) {
        needsSnapshot(s, peer);
        return;
      }
      requestLogRead(s, peer, maxBytes);
      break;
    }
    sendEntries(s, peer, batches);
  }
  const isProbeLost =
    peer.isProbeWanted && peer.nextIndex === firstSent && !sendAppend(s, peer, NO_BATCHES);
  peer.isProbeWanted = false;
  if (isProbeLost) {
    needsSnapshot(s, peer);
  }
}

function requestLogRead(s: CoreState, peer: Peer, maxBytes: number): void {
  if (peer.logReadIndex !== 0 || peer.isLogReadHeld) {
    return;
  }
  peer.logReadIndex = peer.nextIndex;
  s.out.logReads.push({
    to: peer.id,
    firstIndex: peer.nextIndex,
    lastIndex: s.log.tailFirstIndex - 1,
    maxBytes,
  });
}

function sendEntries(s: CoreState, peer: Peer, batches: readonly EntryBatch[]): void {
  sendAppend(s, peer, batches);
  const lastIndex = (batches[batches.length - 1] as EntryBatch).lastIndex;
  peer.inflight.add(lastIndex, byteLength(batches));
  peer.nextIndex = lastIndex + 1;
}

function byteLength(batches: readonly EntryBatch[]): number {
  let bytes = 0;
  for (const batch of batches) {
    bytes += batch.bytes.length;
  }
  return bytes;
}

/** False when the entry before `nextIndex` is not in the log any more. */
function sendAppend(s: CoreState, peer: Peer, batches: readonly EntryBatch[]): boolean {
  const prevIndex = peer.nextIndex - 1;
  const prevTerm = s.log.termAt(prevIndex);
  if (prevTerm < 0) {
    return false;
  }
  s.out.messages.push({
    kind: MessageKind.append,
    from: s.id,
    to: peer.id,
    term: s.term,
    prevIndex,
    prevTerm,
    batches,
    commitIndex: s.commitIndex,
    sentAtMs: s.nowMs,
    readToken: s.reads.newestToken,
  });
  return true;
}
