import {
  type AppendReply,
  type Message,
  MessageKind,
  type VoteRequest,
} from "../../core/message.ts";
import type { Ledger } from "./ledger.ts";
import { ensure } from "../sim/sim-failure.ts";
import type { SimNode } from "../sim/sim-node.ts";

/**
 * I9, at the instant a message leaves: a granted vote and a candidacy stand on the sender's disk,
 * and an accepted append names only entries that are on the disk, the same as the leader's.
 */
export function checkDurability(node: SimNode, message: Message, ledger: Ledger): void {
  switch (message.kind) {
    case MessageKind.vote:
      checkCandidacy(node, message);
      return;
    case MessageKind.voteReply:
      if (message.granted) {
        checkVote(node, message.term, message.to);
      }
      return;
    case MessageKind.appendReply:
      if (message.accepted) {
        checkAck(node, message, ledger);
      }
      return;
    case MessageKind.preVote:
    case MessageKind.preVoteReply:
    case MessageKind.append:
    case MessageKind.heartbeat:
    case MessageKind.heartbeatReply:
    case MessageKind.timeoutNow:
    case MessageKind.readIndex:
    case MessageKind.readIndexReply:
    case MessageKind.snapshotChunk:
    case MessageKind.snapshotReply:
      return;
  }
}

/**
 * A candidate that forgets its log or its term in a crash could be elected by the answers to the
 * requests it sent before.
 */
function checkCandidacy(node: SimNode, request: VoteRequest): void {
  checkVote(node, request.term, node.id);
  const { durable } = node.disk;
  const holds =
    durable.lastIndex >= request.lastIndex &&
    durable.termAt(request.lastIndex) === request.lastTerm;
  ensure(
    holds || node.core.term > request.term,
    "I9",
    () =>
      `node ${node.id} stands for term ${request.term} with ${request.lastTerm}:${request.lastIndex}, ` +
      `its disk ends at ${durable.lastTerm}:${durable.lastIndex}`,
  );
}

function checkVote(node: SimNode, term: number, candidate: number): void {
  ensure(
    node.disk.durableVote(term) === candidate,
    "I9",
    () =>
      `a vote of node ${node.id} for ${candidate} in term ${term} leaves, its disk holds ` +
      String(node.disk.durableVote(term)),
  );
}

function checkAck(node: SimNode, reply: AppendReply, ledger: Ledger): void {
  const { durable } = node.disk;
  ensure(
    durable.hardState.term >= reply.term,
    "I9",
    () =>
      `an ack of node ${node.id} of term ${reply.term} leaves, its disk holds term ` +
      String(durable.hardState.term),
  );
  const chains = ledger.leaderChains(reply.term);
  if (reply.index === 0 || chains === null) {
    return;
  }
  const chain = chains[reply.index - 1];
  // A later leader may have replaced the entry since; then it must have been durable before.
  const isThere =
    durable.lastIndex >= reply.index
      ? durable.chainAt(reply.index) === chain
      : durable.hardState.term > reply.term;
  ensure(
    chain !== undefined && node.disk.everHeld(chain) && (isThere || node.core.term > reply.term),
    "I9",
    () =>
      `node ${node.id} acks ${reply.index} in term ${reply.term}, its disk ends at ` +
      `${durable.lastTerm}:${durable.lastIndex}`,
  );
}
