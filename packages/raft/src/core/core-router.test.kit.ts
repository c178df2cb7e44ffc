import { BatchBuilder } from "../entry/batch-builder.ts";
import { EntryType } from "../entry/record.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { type Input, InputKind } from "./input.ts";
import type { Message, NodeId } from "./message.ts";
import { type CoreOptions, DEFAULT_CORE_OPTIONS } from "./options.ts";
import type { HardState, Output, Write } from "./output.ts";
import { RaftCore } from "./raft-core.ts";

export const TEST_OPTIONS: CoreOptions = {
  ...DEFAULT_CORE_OPTIONS,
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatMs: 100,
};

/** A log by its terms: `entries(1, 1, 2)` is 1:1 1:2 2:3. Payloads tell indexes apart by term. */
export function entries(...terms: number[]): EntryBatch[] {
  return entriesAfter(0, 0, ...terms);
}

/** Entries of `terms` that follow (prevIndex, prevChain); one batch per run of equal terms. */
export function entriesAfter(
  prevIndex: number,
  prevChain: number,
  ...terms: number[]
): EntryBatch[] {
  const builder = new BatchBuilder(1 << 12);
  const batches: EntryBatch[] = [];
  let chain = prevChain;
  let first = prevIndex + 1;
  for (let i = 0; i < terms.length; i++) {
    builder.add(EntryType.normal, 1, Buffer.from([terms[i]!]), 0, 1);
    if (terms[i + 1] !== terms[i]) {
      const batch = builder.seal(first, terms[i]!, 1, chain)[0]!;
      batches.push(batch);
      chain = batch.chain;
      first = batch.lastIndex + 1;
    }
  }
  return batches;
}

/** One entry with a payload of `bytes`, following the last entry of `core`. */
export function proposal(core: RaftCore, bytes = 1): EntryBatch {
  const builder = new BatchBuilder(bytes + 64);
  builder.add(EntryType.normal, 1, Buffer.alloc(bytes), 0, bytes);
  return builder.seal(core.lastIndex + 1, core.term, 1, core.lastChain)[0]!;
}

export interface CoreSetup {
  readonly id?: NodeId;
  readonly voters?: readonly NodeId[];
  readonly options?: Partial<CoreOptions>;
  readonly log?: readonly EntryBatch[];
  readonly hardState?: Partial<HardState>;
  readonly appliedIndex?: number;
  readonly seed?: number;
}

/** A core whose disk holds `setup.log`; its term is at least the log's last. */
export function startCore(setup: CoreSetup, nowMs = 0): RaftCore {
  const log = setup.log ?? [];
  const last = log.at(-1);
  return new RaftCore(
    {
      id: setup.id ?? 1,
      voters: setup.voters ?? [1, 2, 3],
      options: { ...TEST_OPTIONS, ...setup.options },
      state: {
        hardState: { term: last?.term ?? 0, vote: 0, commitIndex: 0, ...setup.hardState },
        firstIndex: 1,
        lastIndex: last?.lastIndex ?? 0,
        lastChain: last?.chain ?? 0,
        termRuns: log.map((batch) => ({ firstIndex: batch.firstIndex, term: batch.term })),
      },
      appliedIndex: setup.appliedIndex ?? 0,
      seed: setup.seed ?? 7,
    },
    nowMs,
  );
}

/** One core driven by hand: its clock, its outputs and the writes that are not durable yet. */
export class HandDriven {
  readonly core: RaftCore;
  nowMs = 0;
  readonly writes: Write[] = [];
  last: Output;

  constructor(setup: CoreSetup) {
    this.core = startCore(setup);
    this.last = this.core.take();
  }

  /** Steps and takes. */
  step(input: Input): Output {
    this.feed(input);
    return this.take();
  }

  feed(input: Input): void {
    this.core.step(input, this.nowMs, 1_000_000);
    this.core.assertInvariants();
  }

  take(): Output {
    this.last = this.core.take();
    this.core.assertInvariants();
    if (this.last.write !== null) {
      this.writes.push(this.last.write);
    }
    return this.last;
  }

  receive(message: Message): Output {
    return this.step({ kind: InputKind.message, message });
  }

  tick(afterMs: number): Output {
    this.nowMs += afterMs;
    return this.step({ kind: InputKind.tick });
  }

  /** Ticks every 50 ms until `isDone`, for at most 10 s. Returns the output that did it. */
  tickUntil(isDone: (output: Output) => boolean): Output {
    for (let i = 0; i < 200; i++) {
      const output = this.tick(50);
      if (isDone(output)) {
        return output;
      }
    }
    throw new Error("not within 10 s");
  }

  /** The oldest write, or all of them, became durable. */
  persistOne(): Output {
    const write = this.writes.shift()!;
    return this.step({ kind: InputKind.persisted, io: write.io });
  }

  persistAll(): Output {
    const write = this.writes.at(-1)!;
    this.writes.length = 0;
    return this.step({ kind: InputKind.persisted, io: write.io });
  }
}
