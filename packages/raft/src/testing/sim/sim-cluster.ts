import { InputKind } from "../../core/input.ts";
import { type Message, MessageKind, type NodeId } from "../../core/message.ts";
import { type CoreOptions, DEFAULT_CORE_OPTIONS } from "../../core/options.ts";
import { type ClientCall, ClientHistory } from "../check/client-history.ts";
import { isLed, isSettled, leaderOf } from "./agreement.ts";
import { DriftingClock } from "./drifting-clock.ts";
import type { AdminCall, AdminRequest } from "./admin-call.ts";
import { EventQueue } from "./event-queue.ts";
import { Invariants } from "../check/invariants.ts";
import { checkLinearizable } from "../check/linearizability.ts";
import { registerOperations } from "../check/register-operations.ts";
import { COMMAND_BYTES } from "./register-machine.ts";
import { type DiskTiming, FAST_DISK, SimDisk } from "./sim-disk.ts";
import { ensure, SimFailure } from "./sim-failure.ts";
import { GOOD_LINK, type LinkFaults, SimNetwork } from "./sim-network.ts";
import { SimHandshakes } from "./sim-handshakes.ts";
import { SimNode } from "./sim-node.ts";
import { SimStoreBook } from "./sim-store-book.ts";
import { type HostTiming, PROMPT_HOST } from "./host-timing.ts";
import { SimRandom } from "./sim-random.ts";
import { SimTrace } from "./sim-trace.ts";
import { StoredLog } from "./stored-log.ts";

/** An election timeout of 10 heartbeats, in round numbers. */
export const SCRIPT_CORE_OPTIONS: CoreOptions = {
  ...DEFAULT_CORE_OPTIONS,
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatMs: 100,
};

export interface SimClusterOptions {
  /** Fixes everything that happens. */
  readonly seed: number;
  /** Members, with the ids from 1 on. */
  readonly nodeCount: number;
  readonly core?: Partial<CoreOptions>;
  /** What single nodes have instead of `core`. */
  readonly coreOf?: (id: NodeId) => Partial<CoreOptions>;
  readonly host?: Partial<HostTiming>;
  readonly link?: Partial<LinkFaults>;
  readonly disk?: Partial<DiskTiming>;
  /** Rates of the clocks, drawn from [min, max); default 1 for all. */
  readonly clockRates?: readonly [number, number];
  /** Logs that nodes find on their disks; the others start empty. */
  readonly logs?: ReadonlyMap<NodeId, StoredLog>;
  /** Members that vote from the start; default all. The others wait to be added. */
  readonly voters?: readonly NodeId[];
  /** Members that follow from the start; default none. */
  readonly observers?: readonly NodeId[];
  /** Nodes that stay down until started; default none. */
  readonly down?: readonly NodeId[];
  /** False for clocks that drift beyond the bound: overlapping leases are then no failure. */
  readonly leasesHold?: boolean;
}

/**
 * A cluster in virtual time: real cores on simulated clocks, disks and links. One seed fixes the
 * run; every step is checked against `Invariants`. Whatever fails carries the seed and the end of
 * the trace in its message.
 *
 * ```ts
 * const cluster = new SimCluster({ seed: 1, nodeCount: 3 });
 * const leader = cluster.runUntilLeader();
 * cluster.network.cut([leader.id], others);
 * cluster.run(5000);
 * cluster.network.heal();
 * cluster.settle();
 * cluster.checkHistory();
 * ```
 */
export class SimCluster {
  readonly seed: number;
  readonly options: CoreOptions;
  readonly random: SimRandom;
  readonly queue = new EventQueue();
  readonly trace = new SimTrace();
  readonly history: ClientHistory;
  readonly network: SimNetwork;
  readonly handshakes: SimHandshakes;
  readonly invariants: Invariants;
  readonly nodes: readonly SimNode[];
  /** Cut links report what they lose to the sender, as a broken connection does. */
  reportUnreachable = false;

  constructor(options: SimClusterOptions) {
    const { seed, nodeCount } = options;
    this.seed = seed;
    this.options = { ...SCRIPT_CORE_OPTIONS, ...options.core };
    this.random = new SimRandom(seed);
    this.history = new ClientHistory(this.queue, this.trace);
    const link = { ...GOOD_LINK, ...options.link };
    this.network = new SimNetwork(this.queue, this.random.fork(), this.trace, this, link);
    this.handshakes = new SimHandshakes(this.queue, this.trace);
    const nodes: SimNode[] = [];
    const leasesHold = options.leasesHold ?? true;
    const { windowAppends } = this.options;
    this.invariants = new Invariants(nodes, { windowAppends, leasesHold });
    const ids = Array.from({ length: nodeCount }, (_, i) => i + 1);
    for (const id of ids) {
      nodes.push(this.#makeNode(id, options));
    }
    this.nodes = nodes;
    for (const node of nodes) {
      if (options.down?.includes(node.id) !== true) {
        this.#guard(() => node.start());
      }
    }
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  /** The shortest election timeout. */
  get electionMs(): number {
    return this.options.electionTimeoutMinMs;
  }

  node(id: NodeId): SimNode {
    const node = this.nodes[id - 1];
    ensure(node !== undefined, "script", () => `there is no node ${id}`);
    return node;
  }

  /** The running leader of the highest term, or null. */
  get leader(): SimNode | null {
    return leaderOf(this.nodes);
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): void {
    this.#guard(() => this.queue.runUntil(this.queue.nowMs + ms));
  }

  /** Runs event by event until `condition` holds; fails when it does not within `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number, what = "the condition"): void {
    this.#guard(() => {
      const endMs = this.queue.nowMs + limitMs;
      while (!condition()) {
        ensure(this.queue.nextAtMs <= endMs, "wait", () => `${what} did not come in ${limitMs} ms`);
        this.queue.runNext();
      }
    });
  }

  /** Runs until a node leads, has committed in its term and all running nodes follow it. */
  runUntilLeader(limitMs = 20 * this.electionMs): SimNode {
    this.runUntil(() => isLed(this.nodes), limitMs, "a leader that all follow");
    return this.leader as SimNode;
  }

  /** Runs until all running nodes applied one and the same log to its end and no call waits. */
  settle(limitMs = 20 * this.electionMs): SimNode {
    this.runUntil(() => isSettled(this.nodes), limitMs, "rest");
    return this.leader as SimNode;
  }

  /** Elects the given node, by holding back the campaigns of the others. */
  electLeader(id: NodeId): SimNode {
    const { network } = this;
    const node = this.node(id);
    network.hold(({ kind, from }) => from !== id && isCampaign(kind));
    const done = (): boolean => node.leads && isLed(this.nodes);
    this.runUntil(done, 60 * this.electionMs, `the election of ${id}`);
    network.unhold();
    network.take();
    return node;
  }

  write(
    nodeId: NodeId,
    key = 1,
    client = 0,
    payloadBytes = COMMAND_BYTES,
    onSettled: ClientCall["onSettled"] = null,
  ): ClientCall {
    const call = this.draftWrite(nodeId, key, client, payloadBytes);
    return this.#submit(call, onSettled);
  }

  read(nodeId: NodeId, key = 1, client = 0, onSettled: ClientCall["onSettled"] = null): ClientCall {
    return this.#submit(this.history.invoke("read", nodeId, client, key, 0), onSettled);
  }

  /** Asks a node to change members, to hand over or to campaign. */
  ask(nodeId: NodeId, request: AdminRequest): AdminCall {
    const call: AdminCall = { kind: "admin", request, answer: null };
    this.#guard(() => this.node(nodeId).enqueue(call));
    return call;
  }

  /** Makes a write that is not given to its node yet, see `SimNode.propose`. */
  draftWrite(nodeId: NodeId, key = 1, client = 0, payloadBytes = COMMAND_BYTES): ClientCall {
    return this.history.invoke("write", nodeId, client, key, payloadBytes);
  }

  /** Runs a part of a script; a failure in it carries seed and trace. */
  script(part: () => void): void {
    this.#guard(part);
  }

  /** Fails when the calls so far have no linear order. */
  checkHistory(): void {
    const problem = checkLinearizable(registerOperations(this.history.calls));
    this.#guard(() => ensure(problem === null, "I11", problem ?? ""));
  }

  deliver(message: Message): void {
    this.node(message.to).enqueue({ kind: InputKind.message, message });
  }

  unreachable(from: NodeId, to: NodeId): void {
    if (this.reportUnreachable) {
      this.node(from).enqueue({ kind: InputKind.unreachable, peer: to });
    }
  }

  #makeNode(id: NodeId, options: SimClusterOptions): SimNode {
    const all = Array.from({ length: options.nodeCount }, (_, i) => i + 1);
    const { voters = all, observers = [] } = options;
    const isMember = voters.includes(id) || observers.includes(id);
    const { queue, trace, history, invariants: watch } = this;
    const random = this.random.fork();
    const [minRate, maxRate] = options.clockRates ?? [1, 1];
    const clock = new DriftingClock(
      queue,
      random.between(0, 1e6),
      random.between(minRate, maxRate),
    );
    const content = options.logs?.get(id) ?? new StoredLog();
    const disk = new SimDisk(queue, random.fork(), content, { ...FAST_DISK, ...options.disk });
    const host = { ...PROMPT_HOST, ...options.host };
    const send = (message: Message): void => this.#send(message);
    const onStart = (node: SimNode): void => this.#dialAll(node);
    // Its own chance, so that who remembers whom shifts nothing else.
    const stores = new SimStoreBook(queue, new SimRandom(options.seed ^ (id * 0x85ebca6b)), disk);
    return new SimNode(id, clock, disk, {
      voters: isMember ? voters : [],
      observers: isMember ? observers : [],
      options: { ...this.options, ...options.coreOf?.(id) },
      host,
      queue,
      random,
      trace,
      history,
      watch,
      send,
      stores,
      onStart,
    });
  }

  #send(message: Message): void {
    const { from, to } = message;
    const isLost = this.network.isCut(from, to);
    if (isLost || this.handshakes.isOpen(this.node(from), this.node(to))) {
      this.network.send(message);
    } else {
      this.unreachable(from, to);
    }
  }

  /** As a process does when it starts; who cannot be reached now is dialed by the first message. */
  #dialAll(node: SimNode): void {
    if (node.isWiped) {
      this.network.loseAllTo(node.id);
    }
    for (const other of this.nodes) {
      const isCut = this.network.isCut(node.id, other.id) || this.network.isCut(other.id, node.id);
      if (other !== node && !isCut) {
        this.handshakes.isOpen(node, other);
        this.handshakes.isOpen(other, node);
      }
    }
  }

  #submit(call: ClientCall, onSettled: ClientCall["onSettled"]): ClientCall {
    call.onSettled = onSettled;
    this.#guard(() => this.node(call.nodeId).enqueue(call));
    return call;
  }

  #guard(part: () => void): void {
    try {
      part();
    } catch (error) {
      throw this.#withTrace(error);
    }
  }

  #withTrace(error: unknown): SimFailure {
    if (error instanceof SimFailure && error.detail.includes(REPLAY_HINT)) {
      return error;
    }
    const rule = error instanceof SimFailure ? error.rule : "core";
    const detail = error instanceof SimFailure ? error.detail : String(error);
    const lines = this.trace.tail(60).join("\n");
    const hint = `${REPLAY_HINT}${this.seed}`;
    return new SimFailure(rule, `${detail}\n${lines}\n${hint}`, { cause: error });
  }
}

const REPLAY_HINT = "replay with SIM_SEED=";

function isCampaign(kind: MessageKind): boolean {
  return kind === MessageKind.preVote || kind === MessageKind.vote;
}
