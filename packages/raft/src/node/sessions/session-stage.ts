import type { EntryBatch } from "../../entry/entry-batch.ts";
import { EntryType, recordLength, recordType, storedBytes } from "../../entry/record.ts";
import type { SessionCallId } from "../../entry/session-prefix.ts";
import { readSessionPrefix } from "../../entry/session-prefix.ts";
import { RaftError } from "../../errors.ts";
import type { ProposalQueue } from "../proposal-queue.ts";
import type { KeptResults, Proposal } from "../state-machine.ts";
import { Admission, type SessionTable } from "./session-table.ts";

/** A SESSION entry of the batch that is being applied. */
interface Admitted {
  readonly call: SessionCallId | null;
  readonly admission: Admission;
  /** The first result of a repeated call. */
  readonly kept: Buffer | null;
}

/**
 * Stands between the log and the state machine: lets through each call of a session once, and answers
 * the others with the first result.
 */
export class SessionStage<R> {
  readonly #table: SessionTable;
  readonly #codec: KeptResults<R>;
  readonly #groupId: number;
  /** Of the present batch, in the order of the entries. */
  #admitted: Admitted[] = [];

  constructor(table: SessionTable, codec: KeptResults<R>, groupId: number) {
    this.#table = table;
    this.#codec = codec;
    this.#groupId = groupId;
  }

  /** Whether the entry's payload, buf[start, end), is to be applied; its own begins behind the prefix. */
  admits(buf: Buffer, start: number, end: number, index: number, timestampMs: number): boolean {
    const call = readSessionPrefix(buf, start, end);
    const admission =
      call === null ? Admission.expired : this.#table.admit(call, index, timestampMs);
    const kept =
      call !== null && admission === Admission.repeated ? this.#table.resultOf(call) : null;
    this.#admitted.push({ call, admission, kept });
    return admission === Admission.apply;
  }

  /** The state machine has applied the call that was admitted last. */
  keep(result: R): void {
    const call = this.#admitted.at(-1)?.call ?? null;
    if (call !== null) {
      this.#table.remember(call, this.#codec.encodeResult(result));
    }
  }

  /** The batch is applied: answers who waits, in the order of the entries. */
  settle(batch: EntryBatch, results: readonly R[], proposals: ProposalQueue<R>): void {
    const { bytes } = batch;
    let next = 0;
    let session = 0;
    let index = batch.firstIndex;
    for (let at = 0; at < bytes.length; at += storedBytes(recordLength(bytes, at))) {
      const type = recordType(bytes, at);
      if (type === EntryType.normal) {
        proposals.take(index)?.succeed(results[next++] as R, index);
      } else if (type === EntryType.session) {
        const admitted = this.#admitted[session++] as Admitted;
        const isApplied = admitted.admission === Admission.apply;
        const result = isApplied ? (results[next++] as R) : undefined;
        const proposal = proposals.take(index);
        if (proposal !== null) {
          this.#answer(admitted, result, index, proposal);
        }
      }
      index++;
    }
    this.#admitted = [];
  }

  /** The batch was not applied to its end. */
  abandon(): void {
    this.#admitted = [];
  }

  #answer(
    { call, admission, kept }: Admitted,
    result: R | undefined,
    index: number,
    proposal: Proposal<R>,
  ): void {
    const groupId = this.#groupId;
    const session = call?.session ?? 0;
    switch (admission) {
      case Admission.apply:
        proposal.succeed(result as R, index);
        return;
      case Admission.opened:
        proposal.succeed(undefined as R, index);
        return;
      case Admission.repeated:
        proposal.succeed(this.#codec.decodeResult(kept as Buffer), index);
        return;
      case Admission.expired:
        proposal.fail(new RaftError({ code: "DT_RAFT_SESSION_EXPIRED", groupId, session }));
        return;
      case Admission.answered:
      case Admission.beyondWindow: {
        const sequence = call?.sequence ?? 0;
        proposal.fail(
          new RaftError({ code: "DT_RAFT_SESSION_SEQUENCE", groupId, session, sequence }),
        );
        return;
      }
    }
  }
}
