import assert from "node:assert/strict";
import type { Message } from "../../src/core/message.ts";
import { resolveGroupOptions } from "../../src/node/group-options.ts";
import {
  checkLinearizable,
  ClientHistory,
  DriftingClock,
  EventQueue,
  FAST_DISK,
  GOOD_LINK,
  Ledger,
  SimDisk,
  SimNetwork,
  SimRandom,
  SimTrace,
  StoredLog,
} from "../../src/testing/index.ts";
import { SimulatedMember } from "./simulated-member.test.kit.ts";

const CLIENTS = 5;

/** Members of one group under random faults and clients, all drawn from one seed. */
export class SimulatedGroups {
  readonly random: SimRandom;
  readonly queue = new EventQueue();
  readonly history: ClientHistory;
  readonly members: SimulatedMember[] = [];
  readonly electionMs: number;
  readonly #network: SimNetwork;
  readonly #trace = new SimTrace();
  #isCalm = false;
  #leaderGuess = 1;
  crashes = 0;
  stalls = 0;

  constructor(seed: number) {
    this.random = new SimRandom(seed);
    const { random, queue } = this;
    this.electionMs = random.pick([200, 1000]);
    this.history = new ClientHistory(queue, this.#trace);
    const link = {
      ...GOOD_LINK,
      delayMaxMs: random.pick([1, this.electionMs / 20]),
      lossRate: random.pick([0, 0.02]),
      duplicateRate: random.pick([0, 0.05]),
      ordered: random.chance(0.5),
    };
    this.#network = new SimNetwork(queue, random.fork(), this.#trace, this, link);
    const ids = random.chance(0.7) ? [1, 2, 3] : [1, 2, 3, 4, 5];
    const ledger = new Ledger();
    const options = this.#drawOptions();
    const syncMaxMs = this.electionMs / random.pick([200, 20]);
    for (const id of ids) {
      const timing = { ...FAST_DISK, syncMaxMs, readMaxMs: syncMaxMs, gather: random.chance(0.7) };
      const rate = random.between(0.953, 1.047);
      this.members.push(
        new SimulatedMember({
          id,
          ids,
          queue,
          clock: new DriftingClock(queue, random.between(0, 1e6), rate),
          disk: new SimDisk(queue, random.fork(), new StoredLog(), timing),
          history: this.history,
          ledger,
          options,
          seed: random.bits(),
          send: (message) => this.#network.send(message),
        }),
      );
    }
  }

  /** Runs under load and faults, then without; all rules are checked on the way. */
  async play(): Promise<void> {
    for (const member of this.members) {
      await member.start();
    }
    for (let client = 1; client <= CLIENTS; client++) {
      this.#callLater(client);
    }
    this.#strikeLater();
    await this.#run(25 * this.electionMs);
    this.#isCalm = true;
    this.#network.heal();
    this.#network.setAllLinks(GOOD_LINK);
    for (const member of this.members) {
      member.disk.timing = { ...FAST_DISK, syncMaxMs: 1, readMaxMs: 1 };
      await this.#revive(member);
    }
    await this.#runUntil(() => this.#isAtRest(), "rest");
    const reader = this.members.find(({ group }) => group?.canReadNow());
    assert.ok(reader);
    const last = [this.#call(reader.id, "write", 0), this.#call(reader.id, "read", 0)];
    await this.#runUntil(() => this.#isAtRest(), "the last answers");
    assert.deepEqual(
      last.map(({ outcome }) => outcome),
      ["ok", "ok"],
    );
    this.#checkOrder();
  }

  deliver(message: Message): void {
    this.members[message.to - 1]?.receive(message);
  }

  unreachable(from: number, to: number): void {
    this.members[from - 1]?.unreachable(to);
  }

  /** The end of the trace, for failures. */
  tail(): string {
    return this.#trace.tail(40).join("\n");
  }

  #drawOptions(): ReturnType<typeof resolveGroupOptions> {
    const { random, electionMs } = this;
    const heartbeatMs = Math.floor(electionMs / random.pick([4, 10]));
    const maxAppendBytes = random.pick([100, 2000, 1 << 20]);
    return resolveGroupOptions({
      electionTimeoutMinMs: electionMs,
      electionTimeoutMaxMs: electionMs * 2,
      heartbeatMs,
      tickMs: Math.floor(heartbeatMs / 4),
      maxAppendBytes,
      windowAppends: random.pick([2, 4, 256]),
      windowBytes: Math.max(maxAppendBytes, 4000),
      tailBytes: random.pick([1, 1000, 1 << 20]),
      maxPendingProposals: random.pick([10, 1000]),
      maxPendingReads: random.pick([5, 1000]),
      preVote: random.chance(0.85),
    });
  }

  #isAtRest(): boolean {
    const reader = this.members.find(({ group }) => group?.canReadNow());
    return (
      reader !== undefined &&
      this.members.every(
        ({ appliedIndex, waitingCalls }) =>
          appliedIndex === reader.appliedIndex && waitingCalls === 0,
      )
    );
  }

  #callLater(client: number): void {
    this.queue.after(this.random.between(0, this.electionMs / 4), () => {
      if (!this.#isCalm) {
        const isStray = this.random.chance(0.2);
        const id = isStray ? this.random.int(1, this.members.length) : this.#leaderGuess;
        const count = this.random.chance(0.1) ? 15 : 1;
        for (let i = 0; i < count; i++) {
          this.#call(id, this.random.chance(0.4) ? "read" : "write", client);
        }
        this.#callLater(client);
      }
    });
  }

  #call(id: number, kind: "read" | "write", client: number): ReturnType<ClientHistory["invoke"]> {
    const key = this.random.int(1, 2);
    const call = this.history.invoke(kind, id, client, key, this.random.pick([8, 40, 300]));
    call.onSettled = ({ outcome }) => {
      this.#leaderGuess = outcome === "ok" ? id : this.random.int(1, this.members.length);
    };
    this.members[id - 1]?.submit(call);
    return call;
  }

  #strikeLater(): void {
    this.queue.after(this.random.between(0.2, 2) * this.electionMs, () => {
      if (!this.#isCalm) {
        this.#strike();
        this.#strikeLater();
      }
    });
  }

  #strike(): void {
    const { random, electionMs } = this;
    const id = random.chance(0.5) ? this.#leaderGuess : random.int(1, this.members.length);
    const victim = this.members[id - 1];
    const undoMs = random.between(0.1, 4) * electionMs;
    const others = this.members.map((member) => member.id).filter((other) => other !== id);
    if (victim === undefined || !victim.isUp) {
      return;
    }
    switch (random.int(0, 3)) {
      case 0:
        this.crashes++;
        victim.crash();
        break;
      case 1:
        this.stalls++;
        victim.pause();
        break;
      case 2:
        this.#network.cut([id], others);
        break;
      default:
        victim.disk.timing = { ...victim.disk.timing, syncMaxMs: electionMs };
    }
    this.queue.after(undoMs, () => {
      if (!this.#isCalm) {
        this.#network.heal();
        victim.disk.timing = { ...victim.disk.timing, syncMaxMs: electionMs / 50 };
        // Whoever was away may take itself for the leader still.
        this.#call(id, "read", 0);
        void this.#revive(victim);
        this.#call(id, "read", 0);
      }
    });
  }

  async #revive(member: SimulatedMember): Promise<void> {
    if (member.isUp) {
      member.resume();
    } else {
      await member.start();
    }
  }

  async #run(ms: number): Promise<void> {
    const endMs = this.queue.nowMs + ms;
    while (this.queue.nextAtMs <= endMs) {
      await this.#step();
    }
  }

  async #runUntil(condition: () => boolean, what: string): Promise<void> {
    const endMs = this.queue.nowMs + 20 * this.electionMs;
    while (!condition()) {
      assert.ok(this.queue.nextAtMs <= endMs, `${what} did not come`);
      await this.#step();
    }
  }

  /** One event and every promise that follows from it. */
  async #step(): Promise<void> {
    this.queue.runNext();
    for (let i = 0; i < 6; i++) {
      await Promise.resolve();
    }
    for (const { group } of this.members) {
      assert.equal(group?.stopped ?? null, null);
    }
  }

  #checkOrder(): void {
    const operations = this.history.calls
      .filter(
        ({ kind, outcome }) => outcome === "ok" || (kind === "write" && outcome !== "refused"),
      )
      .map(({ kind, key, id, value, outcome, invokedAtMs, settledAtMs }) => ({
        kind,
        key,
        value: kind === "write" ? id : value,
        startMs: invokedAtMs,
        endMs: outcome === "ok" ? settledAtMs : Infinity,
      }));
    assert.equal(checkLinearizable(operations), null);
  }
}
