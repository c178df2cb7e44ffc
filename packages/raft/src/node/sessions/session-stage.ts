import type { EntryBatch } from "../../entry/entry-batch.ts";
import { EntryType, recordLength, recordType, storedBytes } from "../../entry/record.ts";
import type { SessionCallId, SessionKey } from "../../entry/session-prefix.ts";
import {
  readSessionOpening,
  readSessionPrefix,
  SessionEntryKind,
  sessionEntryKind,
} from "../../entry/session-prefix.ts";
import { RaftError } from "../../errors.ts";
import type { ProposalQueue } from "../proposal-queue.ts";
import type { KeptResults, Proposal } from "../state-machine.ts";
import { Admission, type SessionTable } from "./session-table.ts";

/** A SESSION entry of the batch that is being applied. */
interface Admitted {
  /** Null for one that opened a session. */
  readonly call: SessionCallId | null;
  readonly admission: Admission | "opened";
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

  /**
   * Whether the session of a call will not be known to whoever applies it, as far as the table at `appliedIndex`
   * can tell: an entry beyond may still open it.
   */
  isForgotten(key: SessionKey, appliedIndex: number): boolean {
    return key.session <= appliedIndex && !this.#table.holds(key);
  }

  /**
   * Whether the entry's payload, buf[start, end), is to be applied; its own begins behind the prefix. Throws for an
   * entry of another version: to pass over it would lose a write that was acknowledged.
   */
  admits(buf: Buffer, start: number, end: number, index: number, timestampMs: number): boolean {
    if (sessionEntryKind(buf, start, end) === SessionEntryKind.opening) {
      this.#table.open(readSessionOpening(buf, start), index, timestampMs);
      this.#admitted.push({ call: null, admission: "opened", kept: null });
      return false;
    }
    const call = readSessionPrefix(buf, start, end);
    if (call === null) {
      throw new Error(`entry ${index} is a call in a session as another version wrote it`);
    }
    const admission = this.#table.admit(call, timestampMs);
    const kept = admission === Admission.repeated ? this.#table.resultOf(call) : null;
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
    const { bytes, term } = batch;
    let next = 0;
    let session = 0;
    let index = batch.firstIndex;
    for (let at = 0; at < bytes.length; at += storedBytes(recordLength(bytes, at))) {
      const type = recordType(bytes, at);
      if (type === EntryType.normal) {
        // Every entry has a result, and not every one somebody who waits for it.
        const result = results[next++] as R;
        proposals.take(index, term)?.succeed(result, index);
      } else if (type === EntryType.session) {
        const admitted = this.#admitted[session++] as Admitted;
        const isApplied = admitted.admission === Admission.apply;
        const result = isApplied ? (results[next++] as R) : undefined;
        const proposal = proposals.take(index, term);
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
      case "opened":
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
