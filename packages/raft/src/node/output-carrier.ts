// Hot path: per turn. Bench: apps/bench raft. No promises but those of log reads.
import type { Input } from "../core/input.ts";
import { InputKind } from "../core/input.ts";
import type { NodeId } from "../core/message.ts";
import type { LogReadRequest, Output } from "../core/output.ts";
import type { RaftError } from "../errors.ts";
import { isCorrupt, type RaftLog } from "../log/raft-log.ts";
import type { Logger } from "./logger.ts";
import type { ReadQueue } from "./read-queue.ts";
import type { RaftTransport } from "./transport.ts";
import type { WriteStage } from "./write-stage.ts";

export interface OutputTargets {
  readonly groupId: number;
  readonly log: RaftLog;
  readonly writes: WriteStage;
  readonly reads: ReadQueue;
  readonly transport: RaftTransport;
  readonly logger: Logger;
  /** Takes what comes of it. */
  readonly onInput: (input: Input) => void;
  readonly onUnreachable: (peer: NodeId) => void;
  /** An entry of the log is damaged: only a start from the beginning has it repaired. */
  readonly onDamaged: (error: unknown) => void;
}

/** Does what the core asks of disk, network and waiting reads. */
export class OutputCarrier {
  readonly #to: OutputTargets;

  constructor(targets: OutputTargets) {
    this.#to = targets;
  }

  /** `notLeader` is what reads get whose leader stepped down. */
  carry(output: Output, notLeader: RaftError): void {
    const { groupId, writes, reads, transport, onUnreachable } = this.#to;
    if (output.write !== null) {
      writes.submit(output.write);
    }
    for (const message of output.messages) {
      if (!transport.send(groupId, message)) {
        onUnreachable(message.to);
      }
    }
    for (const request of output.logReads) {
      this.#readLog(request);
    }
    for (const { token, index } of output.readGrants) {
      reads.grant(token, index);
    }
    for (const { token } of output.readDrops) {
      reads.drop(token, notLeader);
    }
    if (output.proposeDrops.length > 0) {
      // Batches are sealed right before the step, on the core's own position: a drop is a bug of the group.
      throw new Error(`the core dropped ${output.proposeDrops.length} batches of group ${groupId}`);
    }
  }

  #readLog(request: LogReadRequest): void {
    const { groupId, log, logger, onInput, onDamaged } = this.#to;
    const { to, firstIndex, lastIndex, maxBytes } = request;
    log.read(firstIndex, lastIndex, maxBytes).then(
      (batches) => onInput({ kind: InputKind.logRead, to, firstIndex, batches }),
      (error: unknown) => {
        logger.error(
          { groupId, peer: to, firstIndex, err: error },
          "reading the log for a follower failed",
        );
        onInput({ kind: InputKind.logRead, to, firstIndex, batches: [] });
        if (isCorrupt(error)) {
          onDamaged(error);
        }
      },
    );
  }
}
