import {
  DEFAULT_GROUP_OPTIONS,
  BatchBuilder,
  EntryType,
  InputKind,
  RaftCore,
  Role,
} from "@dt/raft";
import type { Message } from "@dt/raft";
import { describeEnvironment } from "./environment.ts";
import { LatencyHistogram } from "./histogram.ts";
import type { Report } from "./report.ts";

export interface RaftBenchOptions {
  readonly nodes: number;
  readonly size: number;
  readonly inFlight: number;
  readonly seconds: number;
}

const EMPTY_LOG = {
  hardState: { term: 0, vote: 0, commitIndex: 0 },
  firstIndex: 1,
  lastIndex: 0,
  lastChain: 0,
  termRuns: [],
  prevIndex: 0,
  prevTerm: 0,
  prevChain: 0,
  configs: [],
} as const;
const ELECTION_MS = 10_000;

/**
 * The bare core: the members of one group in one process, no network, no disk. Each entry is proposed by itself;
 * messages are handed over in rounds, writes are durable at once.
 */
export function runRaftBench(options: RaftBenchOptions): Report {
  const group = new CoreGroup(options.nodes);
  group.elect();
  const { size, inFlight, seconds } = options;
  const payload = Buffer.alloc(size, 7);
  group.run(payload, inFlight, seconds * 250, null);
  const histogram = new LatencyHistogram();
  const stepsBefore = group.steps;
  const startMs = performance.now();
  const entries = group.run(payload, inFlight, seconds * 1000, histogram);
  const elapsedMs = performance.now() - startMs;
  const steps = group.steps - stepsBefore;
  return {
    workload: "raft core",
    config: { nodes: options.nodes, size, inFlight, seconds },
    ...histogram.percentiles(),
    opsPerSec: Math.round((entries * 1000) / elapsedMs),
    errors: 0,
    environment: describeEnvironment("none"),
    extra: {
      stepsPerSec: Math.round((steps * 1000) / elapsedMs),
      nsPerEntry: Math.round((elapsedMs * 1e6) / entries),
    },
  };
}

class CoreGroup {
  readonly #cores: RaftCore[];
  readonly #builder = new BatchBuilder(256 << 10);
  #nowMs = 0;
  #messages: Message[] = [];
  steps = 0;

  constructor(nodes: number) {
    const voters = Array.from({ length: nodes }, (_, i) => i + 1);
    this.#cores = voters.map(
      (id) =>
        new RaftCore(
          {
            id,
            voters,
            options: DEFAULT_GROUP_OPTIONS,
            state: EMPTY_LOG,
            appliedIndex: 0,
            seed: id,
          },
          0,
        ),
    );
  }

  elect(): void {
    const endMs = this.#nowMs + ELECTION_MS;
    while (this.#nowMs < endMs && !this.#cores.some((core) => core.isReadable)) {
      this.#tick();
      this.#exchange();
    }
  }

  /** Proposes, in rounds of `inFlight` entries, for `durationMs`; returns how many were applied. */
  run(
    payload: Buffer,
    inFlight: number,
    durationMs: number,
    histogram: LatencyHistogram | null,
  ): number {
    const leader = this.#cores.find((core) => core.role === Role.leader);
    if (leader === undefined) {
      throw new Error("the cores elected no leader");
    }
    const firstIndex = leader.appliedIndex;
    const startMs = performance.now();
    let roundMs = startMs;
    while (roundMs - startMs < durationMs) {
      for (let i = 0; i < inFlight; i++) {
        this.#builder.add(EntryType.normal, 1, payload, 0, payload.length);
        const [batch] = this.#builder.seal(leader.lastIndex + 1, leader.term, 0, leader.lastChain);
        if (batch !== undefined) {
          this.#step(leader, { kind: InputKind.propose, batch });
        }
      }
      this.#tick();
      this.#exchange();
      const nowMs = performance.now();
      for (let i = 0; i < inFlight && histogram !== null; i++) {
        histogram.recordMs(nowMs - roundMs);
      }
      roundMs = nowMs;
    }
    return leader.appliedIndex - firstIndex;
  }

  #tick(): void {
    this.#nowMs += DEFAULT_GROUP_OPTIONS.tickMs;
    for (const core of this.#cores) {
      this.#step(core, { kind: InputKind.tick });
    }
  }

  /** Carries out what the cores say until nothing is left to do. */
  #exchange(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      for (const core of this.#cores) {
        isBusy = this.#carryOut(core) || isBusy;
      }
      const messages = this.#messages;
      this.#messages = [];
      for (const message of messages) {
        const core = this.#cores[message.to - 1];
        if (core !== undefined) {
          this.#step(core, { kind: InputKind.message, message });
        }
      }
    }
  }

  #carryOut(core: RaftCore): boolean {
    if (!core.hasOutput) {
      return false;
    }
    const { messages, write } = core.take();
    this.#messages.push(...messages);
    if (write !== null) {
      this.#step(core, { kind: InputKind.persisted, io: write.io });
    }
    if (core.appliedIndex < core.commitIndex) {
      this.#step(core, { kind: InputKind.applied, index: core.commitIndex });
    }
    return true;
  }

  #step(core: RaftCore, input: Parameters<RaftCore["step"]>[0]): void {
    this.steps++;
    core.step(input, this.#nowMs, 0);
  }
}
