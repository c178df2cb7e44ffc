import type { EntryBatch } from "../entry/entry-batch.ts";
import { batchOf } from "./entries.test.kit.ts";
import { type Input, InputKind } from "./input.ts";
import type { ConfigEntry } from "./membership.ts";
import type { Message, MessageKind, NodeId } from "./message.ts";
import { preVoteReply, voteReply } from "./messages.test.kit.ts";
import { type CoreOptions, DEFAULT_CORE_OPTIONS } from "./options.ts";
import { type HardState, type Output, Role, type Write } from "./output.ts";
import { RaftCore } from "./raft-core.ts";

export const TEST_OPTIONS: CoreOptions = {
  ...DEFAULT_CORE_OPTIONS,
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatMs: 100,
};

export interface CoreSetup {
  readonly id?: NodeId;
  /** Default 1, 2, 3. */
  readonly voters?: readonly NodeId[];
  readonly options?: Partial<CoreOptions>;
  /** What the disk holds; entries before its first one were dropped. */
  readonly log?: readonly EntryBatch[];
  readonly hardState?: Partial<HardState>;
  /** The CONFIG entries among `log`. */
  readonly configs?: readonly ConfigEntry[];
  readonly appliedIndex?: number;
  readonly seed?: number;
}

/** A core whose disk holds `setup.log`; its term is the log's last unless said. */
export function startCore(setup: CoreSetup, nowMs = 0): RaftCore {
  const log = setup.log ?? [];
  const first = log[0];
  const last = log.at(-1);
  const firstIndex = first?.firstIndex ?? 1;
  const term = last?.term ?? 0;
  return new RaftCore(
    {
      id: setup.id ?? 1,
      voters: setup.voters ?? [1, 2, 3],
      options: { ...TEST_OPTIONS, ...setup.options },
      state: {
        hardState: { term, vote: 0, commitIndex: 0, ...setup.hardState },
        firstIndex,
        lastIndex: last?.lastIndex ?? 0,
        lastChain: last?.chain ?? 0,
        termRuns: log.map((batch) => ({ firstIndex: batch.firstIndex, term: batch.term })),
        prevIndex: firstIndex - 1,
        prevTerm: firstIndex > 1 ? (first?.term ?? 0) : 0,
        prevChain: first?.prevChain ?? 0,
        configs: setup.configs ?? [],
      },
      appliedIndex: setup.appliedIndex ?? 0,
      seed: setup.seed ?? 7,
    },
    nowMs,
  );
}

/** One core driven by hand: its clock, and its writes that are not durable yet. */
export class HandDriven {
  readonly core: RaftCore;
  nowMs = 0;
  readonly writes: Write[] = [];
  readonly peers: readonly NodeId[];

  constructor(setup: CoreSetup = {}) {
    this.core = startCore(setup);
    this.peers = (setup.voters ?? [1, 2, 3]).filter((id) => id !== this.core.id);
  }

  feed(input: Input): void {
    this.core.step(input, this.nowMs, 1_000_000);
    this.core.assertInvariants();
  }

  take(): Output {
    const output = this.core.take();
    this.core.assertInvariants();
    if (output.write !== null) {
      this.writes.push(output.write);
    }
    return output;
  }

  step(input: Input): Output {
    this.feed(input);
    return this.take();
  }

  receive(message: Message): Output {
    return this.step({ kind: InputKind.message, message });
  }

  tick(afterMs = 0): Output {
    this.nowMs += afterMs;
    return this.step({ kind: InputKind.tick });
  }

  /** Ticks every 50 ms, for at most 10 s, until the role is `role`. Returns the output that did it. */
  tickUntil(role: Role): Output {
    for (let i = 0; i < 200; i++) {
      const output = this.tick(50);
      if (this.core.role === role) {
        return output;
      }
    }
    throw new Error("not within 10 s");
  }

  /** Lets `ms` pass in ticks of 50 ms, with nothing heard. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 50) {
      this.tick(50);
    }
  }

  propose(batch: EntryBatch = this.nextBatch()): Output {
    return this.step({ kind: InputKind.propose, batch });
  }

  nextBatch(count = 1, entryBytes = 48): EntryBatch {
    const { lastIndex, term, lastChain } = this.core;
    return batchOf(count, entryBytes, lastIndex + 1, term, lastChain);
  }

  read(token: number): Output {
    return this.step({ kind: InputKind.read, token });
  }

  /** The oldest write became durable. */
  persistOne(): Output {
    const write = this.writes.shift();
    if (write === undefined) {
      throw new Error("nothing was written");
    }
    return this.step({ kind: InputKind.persisted, io: write.io });
  }

  /** Every write became durable. */
  persistAll(): Output {
    const write = this.writes.at(-1);
    if (write === undefined) {
      throw new Error("nothing was written");
    }
    this.writes.length = 0;
    return this.step({ kind: InputKind.persisted, io: write.io });
  }

  /** Becomes candidate of the next term with a durable vote, and has asked for votes. */
  campaign(): Output {
    this.tickUntil(Role.preCandidate);
    for (const peer of this.peers) {
      this.receive({ ...preVoteReply(this.core.term + 1, true), from: peer });
      if (this.core.role !== Role.preCandidate) {
        break;
      }
    }
    return this.persistAll();
  }

  /**
   * Wins an election of the next term. Returns the output of that: the no-op, on its way to disk and
   * to the followers.
   */
  win(): Output {
    if (this.peers.length === 0) {
      this.tickUntil(Role.candidate);
      return this.persistAll();
    }
    this.campaign();
    for (const peer of this.peers) {
      const output = this.receive({ ...voteReply(this.core.term, true), from: peer });
      if (this.core.role === Role.leader) {
        return output;
      }
    }
    throw new Error("not elected");
  }
}

/** A follower that has heard nobody for long enough to vote. */
export function idleFollower(setup: CoreSetup = {}): HandDriven {
  const node = new HandDriven(setup);
  node.nowMs = 1000;
  return node;
}

/** The messages of one kind. */
export function ofKind<K extends MessageKind>(
  messages: readonly Message[],
  kind: K,
): Extract<Message, { kind: K }>[] {
  return messages.filter((m): m is Extract<Message, { kind: K }> => m.kind === kind);
}

/** The messages to one node. */
export function sentTo(messages: readonly Message[], to: NodeId): Message[] {
  return messages.filter((message) => message.to === to);
}
