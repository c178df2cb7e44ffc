import { InputKind, type Input } from "../../core/input.ts";
import { MessageKind, type Message } from "../../core/message.ts";
import { Role, type Write } from "../../core/output.ts";
import type { EntryBatch } from "../../entry/entry-batch.ts";

const ROLE_NAMES: Record<Role, string> = {
  [Role.follower]: "follower",
  [Role.preCandidate]: "preCandidate",
  [Role.candidate]: "candidate",
  [Role.leader]: "leader",
};

export function describeRole(role: Role): string {
  return ROLE_NAMES[role];
}

/** A message on one line: kind, route, term and what matters of the rest. */
export function describeMessage(m: Message): string {
  const head = `${m.from}>${m.to} t${m.term}`;
  switch (m.kind) {
    case MessageKind.preVote:
      return `preVote ${head} last ${m.lastTerm}:${m.lastIndex}`;
    case MessageKind.vote:
      return `vote ${head} last ${m.lastTerm}:${m.lastIndex}${m.isSuccessor ? " successor" : ""}`;
    case MessageKind.preVoteReply:
      return `preVoteReply ${head} ${m.granted ? "granted" : "refused"}`;
    case MessageKind.voteReply:
      return `voteReply ${head} ${m.granted ? "granted" : "refused"}`;
    case MessageKind.append: {
      const entries = describeBatches(m.batches);
      return `append ${head} prev ${m.prevTerm}:${m.prevIndex} ${entries} c${m.commitIndex} r${m.readToken}`;
    }
    case MessageKind.appendReply: {
      const verdict = m.accepted ? "accepted" : `refused, hint ${m.hintTerm}:${m.hintIndex}`;
      return `appendReply ${head} ${verdict} ${m.index} r${m.readToken}`;
    }
    case MessageKind.heartbeat:
      return `heartbeat ${head} c${m.commitIndex} r${m.readToken}`;
    case MessageKind.snapshotChunk:
      return `snapshotChunk ${head} ${m.id} at ${m.indexTerm}:${m.index} from ${m.offset}`;
    case MessageKind.snapshotReply:
      return `snapshotReply ${head} ${m.id} status ${m.status} from ${m.offset}`;
    case MessageKind.heartbeatReply:
      return `heartbeatReply ${head} r${m.readToken}`;
    case MessageKind.timeoutNow:
      return `timeoutNow ${head}`;
    case MessageKind.readIndex:
      return `readIndex ${head} q${m.token}`;
    case MessageKind.readIndexReply:
      return `readIndexReply ${head} q${m.token} at ${m.index}`;
  }
}

/** An input of the core on one line; "" for a tick, which is too frequent to be told. */
export function describeInput(input: Input): string {
  switch (input.kind) {
    case InputKind.tick:
      return "";
    case InputKind.message:
      return `gets ${describeMessage(input.message)}`;
    case InputKind.propose:
      return `proposes ${describeBatches([input.batch])}`;
    case InputKind.read:
      return `reads r${input.token}`;
    case InputKind.persisted:
      return `persisted ${input.io.term}/${input.io.sequence}`;
    case InputKind.applied:
      return `applied ${input.index}`;
    case InputKind.logRead:
      return `logRead for ${input.to} from ${input.firstIndex}: ${describeBatches(input.batches)}`;
    case InputKind.snapshotReceived:
      return `snapshot of ${input.base.term}:${input.base.index} received`;
    case InputKind.snapshotSent:
      return `snapshot of ${input.index} sent to ${input.to}`;
    case InputKind.headDropped:
      return `log from ${input.firstIndex}`;
    case InputKind.unreachable:
      return `unreachable ${input.peer}`;
    case InputKind.changeConfig:
      return `is asked to ${JSON.stringify(input.request)}`;
    case InputKind.transfer:
      return `is asked to hand over to ${input.to}`;
    case InputKind.campaign:
      return `is asked to campaign`;
  }
}

/** "[t:first..last t:first..last]". */
export function describeBatches(batches: readonly EntryBatch[]): string {
  return `[${batches.map((b) => `${b.term}:${b.firstIndex}..${b.lastIndex}`).join(" ")}]`;
}

/** A write on one line: its id, what it keeps, where it cuts and what it adds. */
export function describeWrite(write: Write): string {
  const { io, hardState, reset, truncateFrom, batches } = write;
  const state = hardState === null ? "" : ` t${hardState.term} vote ${hardState.vote}`;
  const start = reset === null ? "" : ` after ${reset.term}:${reset.index}`;
  const cut = truncateFrom > 0 ? ` cut ${truncateFrom}` : "";
  return `writes ${io.term}/${io.sequence}${state}${start}${cut} ${describeBatches(batches)}`;
}
