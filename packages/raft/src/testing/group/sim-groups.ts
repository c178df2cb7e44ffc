import type { Message } from "../../core/message.ts";
import { isJoint, isMemberOf } from "../../core/membership.ts";
import { RaftError } from "../../errors.ts";
import { MemorySnapshotStore } from "../../log/memory-snapshot-store.ts";
import { SESSION_LIMITS } from "../../node/sessions/session-limits.ts";
import { ClientHistory } from "../check/client-history.ts";
import { Ledger } from "../check/ledger.ts";
import { checkLinearizable } from "../check/linearizability.ts";
import { registerOperations } from "../check/register-operations.ts";
import { DriftingClock } from "../sim/drifting-clock.ts";
import { EventQueue } from "../sim/event-queue.ts";
import { FAST_DISK, SimDisk } from "../sim/sim-disk.ts";
import { ensure } from "../sim/sim-failure.ts";
import { GOOD_LINK, SimNetwork } from "../sim/sim-network.ts";
import { SimRandom } from "../sim/sim-random.ts";
import { SimTrace } from "../sim/sim-trace.ts";
import { StoredLog } from "../sim/stored-log.ts";
import { type MemberStorage, SimDiskStorage, type StorageParts } from "./member-storage.ts";
import { drawGroupOptions } from "./draw-group-options.ts";
import { MemberChanges } from "./member-changes.ts";
import { SessionClient, type SessionCounts } from "./session-client.ts";
import { SimMember } from "./sim-member.ts";

const CLIENTS = 5;
const SESSION_CLIENTS = 3;

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
  readonly members: SimMember[] = [];
  readonly electionMs: number;
  readonly #network: SimNetwork;
  readonly #trace = new SimTrace();
  #isCalm = false;
  #isNarrow = false;
  #leaderGuess = 1;
  crashes = 0;
  stalls = 0;
  /** Groups that stopped because their log failed. */
  diskFailures = 0;
  #failure: Error | null = null;
  readonly #drain: () => Promise<void>;
  /** Draws of its own, too. */
  readonly #mixRandom: SimRandom;
  readonly #options: SimGroupOptions;
  readonly #changes: MemberChanges | null;
  readonly #sessionClients: SessionClient[] = [];
  readonly sessions: SessionCounts = { repeated: 0, remembered: 0, expired: 0 };
  steps = 0;

  constructor(seed: number, groupOptions: SimGroupOptions = {}) {
    const { makeStorage = onSimDisk, drain = runMicrotasks, snapshots = false } = groupOptions;
    this.#options = groupOptions;
    this.#drain = drain;
    this.#mixRandom = new SimRandom(seed + 2_000_003);
    // Draws of its own, so that a seed is the same run without snapshots as ever.
    const snapshotRandom = snapshots ? new SimRandom(seed + 1_000_003) : null;
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
    const drawn = random.chance(0.7) ? [1, 2, 3] : [1, 2, 3, 4, 5];
    const ids = groupOptions.members === true ? [1, 2, 3, 4, 5, 6] : drawn;
    const voters = groupOptions.members === true ? [1, 2, 3] : drawn;
    const ledger = new Ledger();
    const options = drawGroupOptions(random, snapshotRandom, this.electionMs);
    const syncMaxMs = this.electionMs / random.pick([200, 20]);
    for (const id of ids) {
      const rate = random.between(0.953, 1.047);
      this.members.push(
        new SimMember({
          id,
          ids: voters,
          queue,
          clock: new DriftingClock(queue, random.between(0, 1e6), rate),
          storage: makeStorage({ nodeId: id, queue, random: random.fork(), syncMaxMs }),
          history: this.history,
          ledger,
          options,
          seed: random.bits(),
          send: (message) => this.#network.send(message),
          snapshots: snapshots ? new MemorySnapshotStore() : undefined,
        }),
      );
    }
    this.#changes =
      groupOptions.members === true
        ? new MemberChanges(this.members, this.#mixRandom.fork(), this.electionMs)
        : null;
  }

  /** Changes of members that were carried out and told so. */
  get memberChanges(): number {
    return this.#changes?.changes ?? 0;
  }

  get transfers(): number {
    return this.#changes?.transfers ?? 0;
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
    for (const member of this.members) {
      this.#revive(member);
    }
    for (let client = 1; client <= CLIENTS; client++) {
      this.#callLater(client);
    }
    if (this.#options.sessions === true) {
      this.#startSessions();
    }
    this.#strikeLater();
    await this.#run(25 * this.electionMs);
    for (let i = 0; i < MAX_EXTENSIONS && !this.#isExercised(); i++) {
      if (i === MAX_EXTENSIONS / 2) {
        this.#narrow();
      }
      await this.#run(10 * this.electionMs);
    }
    ensure(this.#isExercised(), "rejected", "a run did without what it is for");
    this.#isCalm = true;
    this.#sessionClients.forEach((client) => client.stop());
    this.#network.heal();
    this.#network.setAllLinks(GOOD_LINK);
    for (const member of this.members) {
      member.storage.heal();
      this.#revive(member);
    }
    await this.#runUntil(() => this.#isAtRest(), "rest");
    let ends = await this.#callAtLeader();
    for (let i = 1; i < MAX_LAST_CALLS && ends.includes("refused"); i++) {
      ends = await this.#callAtLeader();
    }
    ensure(ends === "ok, ok", "I13", () => `the last write and read are ${ends}`);
    this.#checkOrder();
  }

  /** One write and one read; who is asked may be handing over, or have just done so, and refuse. */
  async #callAtLeader(): Promise<string> {
    const leader = this.#leader();
    ensure(leader !== null, "I13", "nobody leads at rest");
    const calls = [this.#call(leader.id, "write", 0), this.#call(leader.id, "read", 0)];
    await this.#runUntil(() => this.#isAtRest(), "the last answers");
    return calls.map(({ outcome }) => outcome).join(", ");
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
    const installs = this.members.reduce((sum, { restores }) => sum + restores, 0);
    return this.memberChanges > 0 && installs > 0 && repeated > 0 && remembered + expired > 0;
  }

  /** All members of the last configuration applied one and the same log, and nobody waits. */
  #isAtRest(): boolean {
    const reader = this.#leader();
    const group = reader?.group;
    if (reader === null || group === undefined || group === null) {
      return false;
    }
    const { configuration } = group;
    const isSettled = !isJoint(configuration) && configuration.index <= group.status().commitIndex;
    return (
      isSettled &&
      this.#sessionClients.every(({ isBusy }) => !isBusy) &&
      this.members.every(
        ({ id, appliedIndex, waitingCalls }) =>
          waitingCalls === 0 &&
          (appliedIndex === reader.appliedIndex || !isMemberOf(configuration, id)),
      )
    );
  }

  /** Who leads in the highest term and has applied its whole log; after a transfer that failed it has no lease. */
  #leader(): SimMember | null {
    let found: SimMember | null = null;
    let foundTerm = 0;
    for (const member of this.members) {
      const status = member.group?.status();
      if (status?.role === "leader" && status.term > foundTerm) {
        found = status.appliedIndex === status.lastIndex ? member : null;
        foundTerm = status.term;
      }
    }
    return found;
  }

  /** From now on only what the run is for, so that nothing keeps it from happening. */
  #narrow(): void {
    this.#isNarrow = true;
    this.#network.heal();
    this.#network.setAllLinks(GOOD_LINK);
    for (const member of this.members) {
      member.storage.heal();
      this.#revive(member);
    }
  }

  #startSessions(): void {
    const { queue, history, members, electionMs } = this;
    const random = this.#mixRandom.fork();
    const guess = (): SimMember => {
      const leader = this.#leader();
      const isBlind = leader === null || (!this.#isCalm && random.chance(0.3));
      return isBlind ? random.pick(members) : leader;
    };
    const parts = { queue, random, history, members, electionMs, guess };
    for (let client = 1; client <= SESSION_CLIENTS; client++) {
      this.#sessionClients.push(new SessionClient(CLIENTS + client, parts, this.sessions));
    }
  }

  /** What runs for more than crashes and cuts do besides; true when it was that this time. */
  #strikeOtherwise(): boolean {
    const random = this.#mixRandom;
    if (this.#options.sessions === true && random.chance(0.1)) {
      this.members.forEach((member) => member.clock.jumpWall(SESSION_AGE_MS));
      return true;
    }
    if (this.#changes !== null && random.chance(0.6)) {
      this.#changes.strike();
      return true;
    }
    return false;
  }

  #callLater(client: number): void {
    this.queue.after(this.random.between(0, this.electionMs / 4), () => {
      if (this.#isNarrow && !this.#isCalm) {
        this.#callLater(client);
      } else if (!this.#isCalm) {
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
        if (!this.#strikeOtherwise() && !this.#isNarrow) {
          this.#strike();
        }
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
    switch (random.int(0, 4)) {
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
      case 3:
        victim.storage.failNextSync();
        break;
      default:
        victim.storage.setSyncMaxMs(electionMs);
    }
    this.queue.after(undoMs, () => {
      if (!this.#isCalm) {
        this.#network.heal();
        victim.storage.setSyncMaxMs(electionMs / 50);
        // Whoever was away may take itself for the leader still.
        this.#call(id, "read", 0);
        this.#revive(victim);
        this.#call(id, "read", 0);
      }
    });
  }

  /** A start takes the time that opening the log takes; what fails in it fails the run. */
  #revive(member: SimMember): void {
    if (member.isUp) {
      member.resume();
    } else {
      member.start().catch((error: unknown) => {
        this.#noStart(member, error instanceof Error ? error : new Error(String(error)));
      });
    }
  }

  /** A disk may fail in a start, too; anything else that keeps a member from starting is a failure. */
  #noStart(member: SimMember, error: Error): void {
    if (!("code" in error && error.code === "EIO")) {
      this.#failure ??= error;
      return;
    }
    this.diskFailures++;
    member.crash();
    this.queue.after(this.electionMs, () => {
      if (!member.isUp) {
        this.#revive(member);
      }
    });
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
      ensure(this.queue.nextAtMs <= endMs, "I13", () => `${what} did not come`);
      await this.#step();
    }
  }

  /** One event and every promise that follows from it. */
  async #step(): Promise<void> {
    this.queue.runNext();
    this.steps++;
    await this.#drain();
    const failure = this.#failure ?? this.#changes?.failure ?? null;
    if (failure !== null) {
      throw failure;
    }
    for (const member of this.members) {
      const stopped = member.group?.stopped ?? null;
      if (stopped !== null) {
        this.#stopped(member, stopped);
      }
    }
  }

  /** A group may stop when its log failed, and only then; its process ends with it. */
  #stopped(member: SimMember, reason: Error): void {
    const isDisk = reason instanceof RaftError && reason.code === "DT_RAFT_LOG_FAILED";
    ensure(isDisk, "stopped", () => `the group of node ${member.id} stopped: ${String(reason)}`);
    this.diskFailures++;
    member.crash();
    if (this.#isCalm) {
      this.#revive(member);
    }
  }

  #checkOrder(): void {
    const problem = checkLinearizable(registerOperations(this.history.calls));
    ensure(problem === null, "I11", problem ?? "");
  }
}

function onSimDisk({ queue, random, syncMaxMs }: StorageParts): MemberStorage {
  const timing = { ...FAST_DISK, syncMaxMs, readMaxMs: syncMaxMs, gather: random.chance(0.7) };
  return new SimDiskStorage(new SimDisk(queue, random, new StoredLog(), timing));
}

async function runMicrotasks(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    await Promise.resolve();
  }
}
