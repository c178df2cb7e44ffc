import type { Message } from "../../core/message.ts";
import { SESSION_LIMITS } from "../../node/sessions/session-limits.ts";
import { ClientHistory } from "../check/client-history.ts";
import { checkLinearizable } from "../check/linearizability.ts";
import { registerOperations } from "../check/register-operations.ts";
import { EventQueue } from "../sim/event-queue.ts";
import { ensure, REJECTED } from "../sim/sim-failure.ts";
import { GOOD_LINK, SimNetwork } from "../sim/sim-network.ts";
import { SimRandom } from "../sim/sim-random.ts";
import { SimTrace } from "../sim/sim-trace.ts";
import { drawMembers } from "./draw-members.ts";
import { GroupClients } from "./group-clients.ts";
import { GroupFaults } from "./group-faults.ts";
import { areAtRest, leaderAtRest } from "./group-rest.ts";
import { MemberChanges } from "./member-changes.ts";
import { type MemberStorage, onSimDisk, type StorageParts } from "./member-storage.ts";
import type { SessionCounts } from "./session-client.ts";
import type { SimMember } from "./sim-member.ts";

export interface SimGroupOptions {
  /** What a member keeps its log on; default a `SimDisk`. */
  readonly makeStorage?: (parts: StorageParts) => MemberStorage;
  /** Lets every promise run that can; default a few rounds of microtasks. */
  readonly drain?: () => Promise<void>;
  /** Members take snapshots, often, and cut their logs behind them. Default false. */
  readonly snapshots?: boolean;
  /** Three of six nodes begin, members and leaders are changed all the time. Default false. */
  readonly members?: boolean;
  /** Clients repeat writes in sessions, and sessions are forgotten. Default false. */
  readonly sessions?: boolean;
}

/** Longer than a session that nobody uses is remembered. */
const SESSION_AGE_MS = 2 * SESSION_LIMITS.expiryMs;

/** How often a run goes on when it did without something that it is for. */
const MAX_EXTENSIONS = 10;

/** How often the last write and read are made as long as they are refused. */
const MAX_LAST_CALLS = 5;

/**
 * Members of one group under random faults and clients, all drawn from one seed: whole `RaftGroup`s,
 * with fibers, queues, apply stage and message codec, in virtual time. Promises order what happens
 * at one instant, so this is for what `SimCluster`, which has none, does not contain.
 */
export class SimGroups {
  readonly random: SimRandom;
  readonly queue = new EventQueue();
  readonly history: ClientHistory;
  readonly members: readonly SimMember[];
  readonly electionMs: number;
  readonly #network: SimNetwork;
  readonly #trace = new SimTrace();
  readonly #drain: () => Promise<void>;
  /** Draws of its own, so that a seed is the same run without snapshots, changes and sessions as ever. */
  readonly #mixRandom: SimRandom;
  readonly #options: SimGroupOptions;
  readonly #changes: MemberChanges | null;
  readonly #clients: GroupClients;
  readonly #faults: GroupFaults;
  steps = 0;

  constructor(seed: number, groupOptions: SimGroupOptions = {}) {
    this.#options = groupOptions;
    this.#drain = groupOptions.drain ?? runMicrotasks;
    this.#mixRandom = new SimRandom(seed + 2_000_003);
    this.random = new SimRandom(seed);
    const { random, queue } = this;
    this.electionMs = random.pick([200, 1000]);
    const { electionMs } = this;
    this.history = new ClientHistory(queue, this.#trace);
    const { history } = this;
    const link = {
      ...GOOD_LINK,
      delayMaxMs: random.pick([1, electionMs / 20]),
      lossRate: random.pick([0, 0.02]),
      duplicateRate: random.pick([0, 0.05]),
      ordered: random.chance(0.5),
    };
    this.#network = new SimNetwork(queue, random.fork(), this.#trace, this, link);
    this.members = drawMembers({
      queue,
      random,
      snapshotRandom: groupOptions.snapshots === true ? new SimRandom(seed + 1_000_003) : null,
      history,
      electionMs,
      areAdded: groupOptions.members === true,
      makeStorage: groupOptions.makeStorage ?? onSimDisk,
      send: (message) => this.#network.send(message),
    });
    const { members } = this;
    this.#changes =
      groupOptions.members === true
        ? new MemberChanges(members, this.#mixRandom.fork(), electionMs)
        : null;
    this.#clients = new GroupClients({ queue, random, history, members, electionMs });
    this.#faults = new GroupFaults({
      queue,
      random,
      mixRandom: this.#mixRandom,
      network: this.#network,
      members,
      clients: this.#clients,
      electionMs,
      changes: this.#changes,
      jumpMs: groupOptions.sessions === true ? SESSION_AGE_MS : 0,
    });
  }

  /** Changes of members that were carried out and told so. */
  get memberChanges(): number {
    return this.#changes?.changes ?? 0;
  }

  get transfers(): number {
    return this.#changes?.transfers ?? 0;
  }

  get crashes(): number {
    return this.#faults.crashes;
  }

  get stalls(): number {
    return this.#faults.stalls;
  }

  /** Groups that stopped because their log failed. */
  get diskFailures(): number {
    return this.#faults.diskFailures;
  }

  get sessions(): SessionCounts {
    return this.#clients.sessions;
  }

  /** States that came from snapshots, at starts and from leaders. */
  get restores(): number {
    return this.members.reduce((sum, { restores }) => sum + restores, 0);
  }

  /** Stands for everything that was called, answered, lost and cut so far. */
  get traceHash(): string {
    return this.#trace.hash;
  }

  /** Gets every line of the trace. */
  set onLine(onLine: ((line: string) => void) | null) {
    this.#trace.onLine = onLine;
  }

  /** Runs under load and faults, then without; all rules are checked on the way. */
  async play(): Promise<void> {
    const clients = this.#clients;
    const faults = this.#faults;
    this.members.forEach((member) => faults.revive(member));
    clients.start();
    if (this.#options.sessions === true) {
      clients.startSessions(this.#mixRandom.fork());
    }
    faults.start();
    await this.#run(25 * this.electionMs);
    for (let i = 0; i < MAX_EXTENSIONS && !this.#isExercised(); i++) {
      if (i === MAX_EXTENSIONS / 2) {
        faults.narrow();
        clients.narrow();
      }
      await this.#run(10 * this.electionMs);
    }
    ensure(this.#isExercised(), REJECTED, "a run did without what it is for");
    clients.stop();
    faults.stop();
    await this.#rest("rest");
    let ends = await this.#callAtLeader();
    for (let i = 1; i < MAX_LAST_CALLS && ends.includes("refused"); i++) {
      ends = await this.#callAtLeader();
    }
    ensure(ends === "ok, ok", "I13", () => `the last write and read are ${ends}`);
    const problem = checkLinearizable(registerOperations(this.history.calls));
    ensure(problem === null, "I11", problem ?? "");
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

  /** Runs that mix everything have to do so; each of the others shows in its counts what it did. */
  #isExercised(): boolean {
    const { members, sessions, snapshots } = this.#options;
    if (members !== true || sessions !== true || snapshots !== true) {
      return true;
    }
    const { repeated, remembered, expired } = this.sessions;
    return this.memberChanges > 0 && this.restores > 0 && repeated > 0 && remembered + expired > 0;
  }

  /** One write and one read; who is asked may be handing over, or have just done so, and refuse. */
  async #callAtLeader(): Promise<string> {
    const leader = leaderAtRest(this.members);
    ensure(leader !== null, "I13", "nobody leads at rest");
    const { id } = leader;
    const calls = [this.#clients.call(id, "write", 0), this.#clients.call(id, "read", 0)];
    await this.#rest("the last answers");
    return calls.map(({ outcome }) => outcome).join(", ");
  }

  async #run(ms: number): Promise<void> {
    const endMs = this.queue.nowMs + ms;
    while (this.queue.nextAtMs <= endMs) {
      await this.#step();
    }
  }

  async #rest(what: string): Promise<void> {
    const endMs = this.queue.nowMs + 20 * this.electionMs;
    while (this.#clients.isWaiting || !areAtRest(this.members)) {
      ensure(this.queue.nextAtMs <= endMs, "I13", () => `${what} did not come`);
      await this.#step();
    }
  }

  /** One event and every promise that follows from it. */
  async #step(): Promise<void> {
    this.queue.runNext();
    this.steps++;
    await this.#drain();
    this.#faults.check();
  }
}

async function runMicrotasks(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    await Promise.resolve();
  }
}
