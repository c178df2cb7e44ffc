import type { EntryBatch } from "../entry/entry-batch.ts";
import type { CoreState } from "./core-state.ts";
import { invariant } from "./invariant.ts";
import { Role } from "./output.ts";
import type { Peer } from "./progress.ts";

/** Claims about one node's state that hold between any two steps. */
export function assertCoreInvariants(s: CoreState): void {
  s.log.assertInvariants();
  s.writes.assertInvariants(s.log.lastIndex);
  invariant(s.appliedIndex <= s.commitIndex, "only committed entries are applied");
  invariant(s.commitIndex <= s.log.lastIndex, "only entries of the log are committed");
  invariant(s.log.lastTerm <= s.term, "no entry is of a term not entered yet");
  invariant(
    s.isStateMissing ||
      s.log.tailFirstIndex <= Math.min(s.writes.durableIndex, s.appliedIndex) + 1 ||
      s.log.tailFirstIndex === s.log.firstIndex ||
      s.log.tailFirstIndex <= s.config.state.lastIndex + 1,
    "memory holds what is not durable or not applied",
  );
  invariant(
    s.acks.held.length <= s.writes.pendingSequences.length + 1,
    "at most one ack waits for a write",
  );
  invariant(
    s.role === Role.follower || s.role === Role.leader || s.isVoter || s.isVoterUntilCommit,
    "only voters campaign",
  );
  invariant(s.configs.active.index <= s.log.lastIndex, "the active configuration is in the log");
  invariant((s.role === Role.leader) === (s.leaderId === s.id), "a leader knows that it leads");
  if (s.role === Role.candidate || s.role === Role.leader) {
    invariant(s.vote === s.id, "who campaigns votes for itself");
  }
  invariant(
    s.askedReads.count === 0 || (s.leaderId !== 0 && s.leaderId !== s.id),
    "only who follows a leader asks it",
  );
  if (s.role === Role.leader) {
    assertLeading(s);
  } else {
    invariant(s.reads.count === 0, "only a leader confirms reads");
    invariant(s.transferTo === 0, "only a leader hands over");
    invariant(s.leaseUntilMs === 0, "only a leader holds a lease");
  }
}

function assertLeading(s: CoreState): void {
  invariant(s.log.lastTerm === s.term, "a leader's log ends in its term");
  invariant(
    s.log.termAt(s.termStartIndex) === s.term || s.termStartIndex < s.log.firstIndex,
    "a leader opens its term with an entry",
  );
  invariant(s.writes.truncateFrom === 0, "a leader cuts nothing");
  for (const peer of s.peers) {
    peer.assertInvariants(s.log.lastIndex, s.options.windowAppends);
  }
  for (let i = 1; i < s.reads.count; i++) {
    invariant(
      (s.reads.tokens[i - 1] as number) < (s.reads.tokens[i] as number),
      "read tokens ascend",
    );
  }
}

/** Every field that decides about the future, in a fixed order. */
export function digestCore(s: CoreState): string {
  const parts: (number | string | boolean)[] = [];
  parts.push(s.id, s.nowMs, s.wallMs, s.lastTickMs, s.randomState, s.electionTimeoutMs);
  parts.push(s.electionDeadlineMs, s.heardLeaderMs, s.isStallExcused);
  parts.push(s.term, s.vote, s.role, s.leaderId, s.commitIndex, s.appliedIndex);
  parts.push(s.grantTo, s.hasOwnVote, s.termStartIndex, s.heartbeatDueMs);
  parts.push(s.isHeartbeatWanted, s.isAppendWanted, s.leaseUntilMs, s.reportedCommitIndex);
  parts.push(s.isConfigurationSettled, s.transferTo, s.transferDeadlineMs, s.isTimeoutNowSent);
  parts.push(s.isLeaseGivenUp, s.isSuccessor, s.removedAtIndex, s.leaderCommitIndex, s.freshMs);
  digestLog(s, parts);
  digestConfigs(s, parts);
  const { writes, acks, reads } = s;
  parts.push("writes", writes.issuedSequence, writes.durableSequence, writes.hardStateSequence);
  parts.push(writes.issuedIndex, writes.durableIndex, writes.truncateFrom);
  parts.push(...writes.pendingSequences, "at", ...writes.pendingIndexes);
  parts.push(writes.base?.index ?? 0, writes.base?.chain ?? 0, writes.baseCommitIndex);
  parts.push("asked", s.askedReads.sentMs, ...s.askedReads.tokens, "at", ...s.askedReads.sinceMs);
  parts.push("acks", acks.to);
  for (const { sequence, index, sentAtMs, readToken } of acks.held) {
    parts.push(sequence, index, sentAtMs, readToken);
  }
  parts.push("reads", reads.newestToken, ...reads.tokens, "at", ...reads.indexes);
  parts.push("of", ...reads.requests, "by", ...reads.askers, "in", ...reads.runs);
  for (const peer of s.peers) {
    digestPeer(peer, parts);
  }
  digestOutbox(s, parts);
  return parts.join(" ");
}

function digestLog(s: CoreState, parts: (number | string | boolean)[]): void {
  const { log } = s;
  parts.push("log", log.firstIndex, log.lastIndex, log.lastChain, log.tailFirstIndex);
  for (let i = 0; i < log.runs.firsts.length; i++) {
    parts.push(log.runs.firsts[i] as number, log.runs.terms[i] as number);
  }
  parts.push("tail");
  for (let at = log.head; at < log.tail.length; at++) {
    const batch = log.tail[at] as EntryBatch;
    parts.push(batch.lastIndex, batch.chain);
  }
}

/** The log's chain stands for what its entries say; only the start has no entry. */
function digestConfigs(s: CoreState, parts: (number | string | boolean)[]): void {
  for (const { index, term, voters, observers } of s.configs.list) {
    parts.push("config", index, term, ...voters, "observers", ...observers);
  }
}

function digestPeer(peer: Peer, parts: (number | string | boolean)[]): void {
  parts.push("peer", peer.id, peer.isOldVoter, peer.isNextVoter, peer.hasGranted);
  parts.push(peer.state, peer.matchIndex, peer.nextIndex);
  parts.push(peer.isProbeSent, peer.isProbeBare, peer.isProbeWanted);
  parts.push(peer.isReplyDue, peer.logReadIndex, peer.isLogReadHeld);
  parts.push(peer.ackedSentAtMs, peer.ackedReadToken, peer.heardMs, "inflight");
  const { inflight } = peer;
  for (let i = inflight.head; i < inflight.lastIndexes.length; i++) {
    parts.push(inflight.lastIndexes[i] as number, inflight.sizes[i] as number);
  }
}

function digestOutbox(s: CoreState, parts: (number | string | boolean)[]): void {
  const { out } = s;
  if (out.isEmpty) {
    return;
  }
  parts.push("out", out.hasRoleChange, out.hasLostLeadership, out.hasConfigurationChange);
  parts.push(JSON.stringify(out.messages, describeBatch), JSON.stringify(out.logReads));
  parts.push(JSON.stringify(out.snapshotWork));
  parts.push(JSON.stringify(out.answers));
  parts.push(JSON.stringify(out.readGrants), JSON.stringify(out.readDrops));
  parts.push(JSON.stringify(out.proposeDrops, describeBatch));
}

/** The chain stands for a batch's bytes. */
function describeBatch(key: string, value: unknown): unknown {
  return key === "bytes" ? 0 : value;
}
