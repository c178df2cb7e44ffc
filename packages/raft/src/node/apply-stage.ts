import { EntryType, recordLength, storedBytes } from "../entry/record.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import type { RaftCore } from "../core/raft-core.ts";
import type { RaftLog } from "../log/raft-log.ts";
import { EntryCursor } from "./entry-cursor.ts";
import type { ProposalQueue } from "./proposal-queue.ts";
import type { SessionStage } from "./sessions/session-stage.ts";
import type { StateMachine } from "./state-machine.ts";

/** Entries applied in one turn, so that a long catch-up leaves the loop to messages and ticks. */
const MAX_TURN_BYTES = 8 << 20;
/** Entries fetched from the log at once when memory does not hold them. */
const READ_BYTES = 1 << 20;

export interface ApplyStageEvents {
  /** Entries were read from the log: `run` has something to do again. */
  onFetched(): void;
  /** The state machine or the log failed at `index`; nothing beyond it will be applied. Called once. */
  onFailed(index: number, error: Error): void;
}

/** An entry that the state machine stands at. */
export interface AppliedPosition {
  readonly index: number;
  readonly term: number;
  readonly chain: number;
  readonly timestampMs: number;
}

const START: AppliedPosition = { index: 0, term: 0, chain: 0, timestampMs: 0 };

/** Hands committed entries to the state machine in index order and answers who waits for them. */
export class ApplyStage<R> {
  readonly #core: RaftCore;
  readonly #log: RaftLog;
  readonly #stateMachine: StateMachine<R>;
  readonly #proposals: ProposalQueue<R>;
  readonly #events: ApplyStageEvents;
  readonly #cursor: EntryCursor;
  readonly #sessions: SessionStage<R> | null;
  readonly #results: R[] = [];
  #appliedIndex: number;
  /** Of the entry at the applied index. */
  appliedTerm: number;
  appliedChain: number;
  /** Leader's wall clock of the last normal entry applied; 0 before any. */
  timestampMs: number;
  /** Bytes of the entries applied since the start. */
  appliedBytes = 0;
  #isFetching = false;
  #fetched: readonly EntryBatch[] = [];
  #failed = false;

  constructor(
    core: RaftCore,
    log: RaftLog,
    stateMachine: StateMachine<R>,
    proposals: ProposalQueue<R>,
    events: ApplyStageEvents,
    position: AppliedPosition = START,
    sessions: SessionStage<R> | null = null,
  ) {
    this.#sessions = sessions;
    this.#cursor = new EntryCursor(sessions);
    this.#core = core;
    this.#log = log;
    this.#stateMachine = stateMachine;
    this.#proposals = proposals;
    this.#events = events;
    this.#appliedIndex = core.appliedIndex;
    this.appliedTerm = position.term;
    this.appliedChain = position.chain;
    this.timestampMs = position.timestampMs;
  }

  /** The state machine was restored from a snapshot: applying goes on behind it. */
  restored({ index, term, chain, timestampMs }: AppliedPosition): void {
    this.#appliedIndex = index;
    this.appliedTerm = term;
    this.appliedChain = chain;
    this.timestampMs = timestampMs;
    this.#fetched = [];
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Applies what is committed and at hand; returns true when it stopped only to let others run. */
  run(): boolean {
    let bytes = 0;
    if (this.#core.isStateMissing) {
      return false;
    }
    while (!this.#failed && !this.#isFetching && this.#appliedIndex < this.#core.commitIndex) {
      if (bytes >= MAX_TURN_BYTES) {
        return true;
      }
      const batches = this.#next();
      if (batches === null) {
        this.#fetch();
        return false;
      }
      for (const batch of batches) {
        if (!this.#apply(batch)) {
          return false;
        }
        bytes += batch.bytes.length;
      }
    }
    return false;
  }

  #next(): readonly EntryBatch[] | null {
    if (this.#fetched.length > 0) {
      const fetched = this.#fetched;
      this.#fetched = [];
      if (fetched[0]?.firstIndex === this.#appliedIndex + 1) {
        return fetched;
      }
    }
    return this.#core.tailBatches(this.#appliedIndex + 1, this.#core.commitIndex, MAX_TURN_BYTES);
  }

  /** What memory has dropped is on this disk; the commit index may be ahead of it. */
  #fetch(): void {
    const firstIndex = this.#appliedIndex + 1;
    const lastIndex = Math.min(this.#core.commitIndex, this.#core.durableIndex);
    this.#isFetching = true;
    this.#log.read(firstIndex, lastIndex, READ_BYTES).then(
      (batches) => {
        this.#isFetching = false;
        this.#fetched = batches;
        this.#events.onFetched();
      },
      (error: unknown) => {
        this.#isFetching = false;
        if (firstIndex === this.#appliedIndex + 1 && !this.#core.isStateMissing) {
          this.#fail(firstIndex, error);
        }
      },
    );
  }

  #apply(batch: EntryBatch): boolean {
    const cursor = this.#cursor;
    const results = this.#results;
    cursor.reset(batch);
    results.length = 0;
    try {
      this.#stateMachine.applyBatch(cursor, results);
      while (cursor.isHeld && results.length === cursor.count) {
        this.#sessions?.keep(results[results.length - 1] as R);
        if (!cursor.resume()) {
          break;
        }
        this.#stateMachine.applyBatch(cursor, results);
      }
      if (cursor.next() || results.length !== cursor.count) {
        throw new Error(
          `the state machine answered ${results.length} of the entries ${batch.firstIndex} to ${batch.lastIndex}`,
        );
      }
    } catch (error) {
      this.#sessions?.abandon();
      this.#fail(Math.max(cursor.index, batch.firstIndex), error);
      return false;
    } finally {
      cursor.release();
    }
    this.#appliedIndex = batch.lastIndex;
    this.appliedTerm = batch.term;
    this.appliedChain = batch.chain;
    this.appliedBytes += batch.bytes.length;
    if (cursor.count > 0) {
      this.timestampMs = cursor.timestampMs;
    }
    if (cursor.sessionCount > 0) {
      this.#sessions?.settle(batch, results, this.#proposals);
    } else if (this.#proposals.count > 0) {
      this.#answer(batch, cursor.denseFirstIndex, results);
    }
    return true;
  }

  #answer(batch: EntryBatch, denseFirstIndex: number, results: readonly R[]): void {
    let index = denseFirstIndex;
    let at = 0;
    let recordIndex = batch.firstIndex;
    for (const result of results) {
      if (denseFirstIndex === 0) {
        // No-ops or configurations stand between the entries: find this one's index in the bytes.
        while (batch.bytes[at + 8] !== EntryType.normal) {
          at += storedBytes(recordLength(batch.bytes, at));
          recordIndex++;
        }
        at += storedBytes(recordLength(batch.bytes, at));
        index = recordIndex++;
      }
      this.#proposals.take(index, batch.term)?.succeed(result, index);
      index++;
    }
  }

  #fail(index: number, error: unknown): void {
    if (!this.#failed) {
      this.#failed = true;
      this.#events.onFailed(index, error instanceof Error ? error : new Error(String(error)));
    }
  }
}
