import type { Message, NodeId } from "../../core/message.ts";
import { describeMessage } from "./describe.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimRandom } from "./sim-random.ts";
import type { SimTrace } from "./sim-trace.ts";
import { wireCopy } from "./wire-copy.ts";

/** How one direction of one link treats messages. */
export interface LinkFaults {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Part of the messages that vanish. */
  readonly lossRate: number;
  /** Part of the messages that arrive twice. */
  readonly duplicateRate: number;
  /** Keep the order of sending, as a connection does. */
  readonly ordered: boolean;
}

export const GOOD_LINK: LinkFaults = {
  delayMinMs: 1,
  delayMaxMs: 5,
  lossRate: 0,
  duplicateRate: 0,
  ordered: true,
};

/** Messages that a clogged link keeps; what comes on top is dropped and reported. */
const CLOGGED_MESSAGES = 200;

export type MessageMatch = (message: Message) => boolean;

export interface NetworkCounts {
  sent: number;
  delivered: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Stopped by a cut link. */
  cut: number;
  /** Kept back by a clogged link. */
  clogged: number;
}

interface LinkState {
  faults: LinkFaults;
  isCut: boolean;
  /** What waits in a clogged link, oldest first; null while it flows. */
  waiting: Message[] | null;
  /** Arrival of the message that arrives last so far. */
  lastArrivalMs: number;
  /** Grows when what is under way is lost. */
  epoch: number;
}

export interface NetworkPort {
  deliver(message: Message): void;
  /** A message of `from` to `to` was lost by a cut link. */
  unreachable(from: NodeId, to: NodeId): void;
}

/** Ids of simulated nodes are below. */
const MAX_NODES = 1 << 16;

/**
 * Links between all pairs of nodes, each direction with faults of its own. Messages can be held for
 * scripted delivery. What is under way when a link is cut still arrives.
 */
export class SimNetwork {
  readonly counts: NetworkCounts = {
    sent: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    cut: 0,
    clogged: 0,
  };
  /** Held messages in the order of sending. */
  held: Message[] = [];
  /** Every message sent since `record`, or null while nothing is recorded. */
  recorded: Message[] | null = null;
  readonly #queue: EventQueue;
  readonly #random: SimRandom;
  readonly #trace: SimTrace;
  readonly #port: NetworkPort;
  /** By sender and receiver, see `#link`. */
  readonly #links = new Map<number, LinkState>();
  #defaults: LinkFaults;
  #holds: MessageMatch | null = null;

  constructor(
    queue: EventQueue,
    random: SimRandom,
    trace: SimTrace,
    port: NetworkPort,
    faults: LinkFaults,
  ) {
    this.#queue = queue;
    this.#random = random;
    this.#trace = trace;
    this.#port = port;
    this.#defaults = faults;
  }

  send(message: Message): void {
    this.counts.sent++;
    this.recorded?.push(message);
    if (this.#holds?.(message) === true) {
      this.held.push(message);
      return;
    }
    const link = this.#link(message.from, message.to);
    if (link.isCut) {
      this.counts.cut++;
      this.#port.unreachable(message.from, message.to);
      return;
    }
    if (link.waiting !== null) {
      this.#clogUp(link.waiting, message);
      return;
    }
    if (this.#random.chance(link.faults.lossRate)) {
      this.counts.lost++;
      this.#trace.add(this.#queue.nowMs, `lost ${describeMessage(message)}`);
      return;
    }
    this.#transmit(link, message);
    if (this.#random.chance(link.faults.duplicateRate)) {
      this.counts.duplicated++;
      this.#transmit(link, message);
    }
  }

  /** Hands a message to its receiver now, whatever the state of the link. */
  inject(message: Message): void {
    this.counts.delivered++;
    this.#port.deliver(wireCopy(message));
  }

  /** Starts to collect what is sent; returns the collection, which goes on growing. */
  record(): Message[] {
    this.recorded = [];
    return this.recorded;
  }

  /** Holds back every message that matches, from now on, instead of what was held before. */
  hold(matches: MessageMatch): void {
    this.#holds = matches;
  }

  /** Takes the held messages that match out of the held ones. */
  take(matches: MessageMatch = () => true): Message[] {
    const taken = this.held.filter(matches);
    this.held = this.held.filter((message) => !taken.includes(message));
    return taken;
  }

  /** Delivers the held messages that match, in the order of sending; returns how many. */
  deliverHeld(matches: MessageMatch = () => true): number {
    const taken = this.take(matches);
    for (const message of taken) {
      this.inject(message);
    }
    return taken.length;
  }

  /** Ends `hold`; what is still held stays held until delivered or taken. */
  unhold(): void {
    this.#holds = null;
  }

  /** Sets the faults of one direction. */
  setLink(from: NodeId, to: NodeId, faults: Partial<LinkFaults>): void {
    const link = this.#link(from, to);
    link.faults = { ...link.faults, ...faults };
  }

  /** Sets the faults of every link, those of links set before included. */
  setAllLinks(faults: LinkFaults): void {
    this.#defaults = faults;
    for (const link of this.#links.values()) {
      link.faults = faults;
    }
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#link(from, to).isCut;
  }

  /** Everything that was ever sent to a node is lost, also for who recorded or holds it. */
  loseAllTo(to: NodeId): void {
    this.held = this.held.filter((message) => message.to !== to);
    const others = this.recorded?.filter((message) => message.to !== to) ?? [];
    this.recorded?.splice(0, Infinity, ...others);
    for (const [key, link] of this.#links) {
      if (key % MAX_NODES === to) {
        link.epoch++;
        link.waiting &&= [];
      }
    }
  }

  cutOneWay(from: NodeId, to: NodeId): void {
    this.#link(from, to).isCut = true;
    this.#trace.add(this.#queue.nowMs, `cut ${from}>${to}`);
  }

  /** Cuts every link between the two sides, both ways. */
  cut(left: readonly NodeId[], right: readonly NodeId[]): void {
    for (const a of left) {
      for (const b of right) {
        this.cutOneWay(a, b);
        this.cutOneWay(b, a);
      }
    }
  }

  /** Messages queue up in one direction, as behind a receiver that does not read, until `unclog`. */
  clog(from: NodeId, to: NodeId): void {
    this.#link(from, to).waiting ??= [];
    this.#trace.add(this.#queue.nowMs, `clog ${from}>${to}`);
  }

  /** What queued up arrives at once, in its order. */
  unclog(from: NodeId, to: NodeId): void {
    this.#trace.add(this.#queue.nowMs, `unclog ${from}>${to}`);
    this.#flow(this.#link(from, to));
  }

  healOneWay(from: NodeId, to: NodeId): void {
    this.#link(from, to).isCut = false;
    this.#trace.add(this.#queue.nowMs, `heal ${from}>${to}`);
  }

  /** Ends every cut and every clog. */
  heal(): void {
    for (const link of this.#links.values()) {
      link.isCut = false;
      this.#flow(link);
    }
    this.#trace.add(this.#queue.nowMs, "heal all");
  }

  #clogUp(waiting: Message[], message: Message): void {
    if (waiting.length < CLOGGED_MESSAGES) {
      this.counts.clogged++;
      waiting.push(message);
    } else {
      this.counts.lost++;
      this.#port.unreachable(message.from, message.to);
    }
  }

  #flow(link: LinkState): void {
    const waiting = link.waiting ?? [];
    link.waiting = null;
    for (const message of waiting) {
      this.#transmit(link, message);
    }
  }

  #transmit(link: LinkState, message: Message): void {
    const { delayMinMs, delayMaxMs, ordered } = link.faults;
    let arrivalMs = this.#queue.nowMs + this.#random.between(delayMinMs, delayMaxMs);
    if (arrivalMs < link.lastArrivalMs) {
      if (ordered) {
        arrivalMs = link.lastArrivalMs;
      } else {
        this.counts.reordered++;
      }
    }
    link.lastArrivalMs = Math.max(link.lastArrivalMs, arrivalMs);
    const { epoch } = link;
    this.#queue.at(arrivalMs, () => {
      if (epoch === link.epoch) {
        this.inject(message);
      } else {
        this.counts.lost++;
      }
    });
  }

  #link(from: NodeId, to: NodeId): LinkState {
    const key = from * MAX_NODES + to;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { faults: this.#defaults, isCut: false, waiting: null, lastArrivalMs: 0, epoch: 0 };
      this.#links.set(key, link);
    }
    return link;
  }
}
