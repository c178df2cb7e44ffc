import type { CoreState } from "./core-state.ts";
import { MessageKind, type NodeId, type ReadIndexReply } from "./message.ts";
import { DropReason } from "./output.ts";
import type { Peer } from "./progress.ts";

/** The index of a `ReadIndexReply` that refuses. */
export const NOT_CONFIRMED = -1;

/**
 * Linearizable reads on a node that does not lead: it asks its leader up to where it has to apply
 * before it may answer (Raft thesis, section 6.4). The leader gives the request a token of its own
 * and confirms it as it does its own reads.
 */
export function askLeader(s: CoreState, token: number): void {
  s.askedReads.add(token, s.nowMs);
  sendReadIndex(s, token);
}

/** An answer to one request answers every earlier one: the leader confirmed itself after all of them. */
export function onReadIndexReply(s: CoreState, reply: ReadIndexReply): void {
  if (reply.term !== s.term || reply.from !== s.leaderId || reply.run !== s.run) {
    return;
  }
  const { askedReads, out } = s;
  let count = 0;
  while (count < askedReads.count && (askedReads.tokens[count] as number) <= reply.token) {
    count++;
  }
  for (const token of askedReads.take(count)) {
    if (reply.index !== NOT_CONFIRMED) {
      out.readGrants.push({ token, index: reply.index });
    } else {
      out.readDrops.push({ token, reason: DropReason.leadershipLost });
    }
  }
}

/** Follower, at every tick: asks again for what may have been lost, and gives up what waits too long. */
export function tickAskedReads(s: CoreState): void {
  const { askedReads, nowMs, options } = s;
  let count = 0;
  while (
    count < askedReads.count &&
    nowMs - (askedReads.sinceMs[count] as number) >= options.electionTimeoutMinMs
  ) {
    count++;
  }
  drop(s, count);
  if (askedReads.count > 0 && nowMs - askedReads.sentMs >= options.heartbeatMs) {
    askedReads.sentMs = nowMs;
    sendReadIndex(s, askedReads.tokens[askedReads.count - 1] as number);
  }
}

/** The leader that was asked is the leader no more. */
export function dropAskedReads(s: CoreState): void {
  drop(s, s.askedReads.count);
}

/** Leader: the read of another member may be served at `index`, or is `NOT_CONFIRMED` here any more. */
export function answerAsker(
  s: CoreState,
  to: NodeId,
  run: number,
  token: number,
  index: number,
): void {
  const peer = s.peer(to);
  if (index !== NOT_CONFIRMED && peer !== null) {
    // Without it the asker would learn only at the next interval that it may apply what it waits for.
    sendHeartbeat(s, peer);
  }
  s.out.messages.push({
    kind: MessageKind.readIndexReply,
    from: s.id,
    to,
    term: s.term,
    run,
    token,
    index,
  });
}

export function sendHeartbeat(s: CoreState, peer: Peer): void {
  s.out.messages.push({
    kind: MessageKind.heartbeat,
    from: s.id,
    to: peer.id,
    term: s.term,
    commitIndex: Math.min(peer.matchIndex, s.commitIndex),
    leaderCommitIndex: s.commitIndex,
    sentAtMs: s.nowMs,
    readToken: s.reads.newestToken,
  });
}

function drop(s: CoreState, count: number): void {
  for (const token of s.askedReads.take(count)) {
    s.out.readDrops.push({ token, reason: DropReason.leadershipLost });
  }
}

function sendReadIndex(s: CoreState, token: number): void {
  s.out.messages.push({
    kind: MessageKind.readIndex,
    from: s.id,
    to: s.leaderId,
    term: s.term,
    run: s.run,
    token,
  });
}
