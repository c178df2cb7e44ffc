import { describe, expect, test } from "vitest";
import { type Message, MessageKind } from "../../core/message.ts";
import { EventQueue } from "./event-queue.ts";
import { GOOD_LINK, type LinkFaults, SimNetwork } from "./sim-network.ts";
import { SimRandom } from "./sim-random.ts";
import { SimTrace } from "./sim-trace.ts";

class Bench {
  readonly queue = new EventQueue();
  /** Tokens in the order of arrival. */
  readonly arrived: number[] = [];
  readonly unreachables: string[] = [];
  readonly network: SimNetwork;

  constructor(faults: Partial<LinkFaults> = {}) {
    const link = { ...GOOD_LINK, ...faults };
    this.network = new SimNetwork(this.queue, new SimRandom(1), new SimTrace(), this, link);
  }

  deliver(message: Message): void {
    this.arrived.push("readToken" in message ? message.readToken : 0);
  }

  unreachable(from: number, to: number): void {
    this.unreachables.push(`${from}>${to}`);
  }

  send(count: number, from = 1, to = 2): void {
    for (let readToken = 1; readToken <= count; readToken++) {
      const kind = MessageKind.heartbeatReply;
      this.network.send({ kind, from, to, term: 1, sentAtMs: 0, readToken });
    }
  }
}

const HUNDRED = Array.from({ length: 100 }, (_, i) => i + 1);

describe("a link", () => {
  test("delivers in order and within its delay", () => {
    const bench = new Bench({ delayMinMs: 3, delayMaxMs: 9 });
    bench.send(100);
    bench.queue.runUntil(2.9);
    expect(bench.arrived).toEqual([]);
    bench.queue.runUntil(9);
    expect(bench.arrived).toEqual(HUNDRED);
  });

  test("mixes up the order where it is not kept", () => {
    const bench = new Bench({ ordered: false });
    bench.send(100);
    bench.queue.runUntil(5);
    expect(bench.arrived).not.toEqual(HUNDRED);
    expect(bench.arrived.toSorted((a, b) => a - b)).toEqual(HUNDRED);
    expect(bench.network.counts.reordered).toBeGreaterThan(20);
  });

  test("loses and repeats as often as told", () => {
    const lossy = new Bench({ lossRate: 0.3 });
    lossy.send(1000);
    lossy.queue.runUntil(5);
    expect(lossy.network.counts.lost).toBeGreaterThan(240);
    expect(lossy.arrived.length).toBe(1000 - lossy.network.counts.lost);
    const repeating = new Bench({ duplicateRate: 0.3 });
    repeating.send(1000);
    repeating.queue.runUntil(5);
    expect(repeating.network.counts.duplicated).toBeGreaterThan(240);
    expect(repeating.arrived.length).toBe(1000 + repeating.network.counts.duplicated);
  });

  test("can have faults of its own", () => {
    const bench = new Bench();
    bench.network.setLink(1, 2, { lossRate: 1 });
    bench.send(5, 1, 2);
    bench.send(5, 2, 1);
    bench.queue.runUntil(5);
    expect(bench.arrived).toEqual([1, 2, 3, 4, 5]);
    bench.network.setAllLinks(GOOD_LINK);
    bench.send(5, 1, 2);
    bench.queue.runUntil(10);
    expect(bench.arrived.length).toBe(10);
  });
});

describe("a cut", () => {
  test("stops one direction, says so to the sender, and lets pass what is under way", () => {
    const bench = new Bench();
    bench.send(1, 1, 2);
    bench.network.cutOneWay(1, 2);
    bench.send(2, 1, 2);
    bench.send(3, 2, 1);
    bench.queue.runUntil(5);
    expect(bench.arrived.length).toBe(4);
    expect(bench.unreachables).toEqual(["1>2", "1>2"]);
    bench.network.healOneWay(1, 2);
    bench.send(1, 1, 2);
    bench.queue.runUntil(10);
    expect(bench.arrived.length).toBe(5);
  });

  test("between two sides stops both ways until healed", () => {
    const bench = new Bench();
    bench.network.cut([1], [2, 3]);
    bench.send(1, 1, 3);
    bench.send(1, 3, 1);
    bench.send(1, 2, 3);
    bench.queue.runUntil(5);
    expect(bench.arrived.length).toBe(1);
    bench.network.heal();
    bench.send(1, 1, 3);
    bench.queue.runUntil(10);
    expect(bench.arrived.length).toBe(2);
  });
});

describe("held messages", () => {
  test("arrive when delivered, the others as ever", () => {
    const bench = new Bench();
    const sent = bench.network.record();
    bench.network.hold(({ to }) => to === 2);
    bench.send(3, 1, 2);
    bench.send(1, 1, 3);
    bench.queue.runUntil(5);
    expect([bench.arrived, sent.length]).toEqual([[1], 4]);
    const [second] = bench.network.take((m) => "readToken" in m && m.readToken === 2);
    bench.network.inject(second!);
    expect(bench.network.deliverHeld()).toBe(2);
    expect(bench.arrived).toEqual([1, 2, 1, 3]);
    bench.network.unhold();
    bench.send(1, 1, 2);
    bench.queue.runUntil(10);
    expect(bench.arrived.length).toBe(5);
  });
});

test("nothing that was sent to a node is left once it is lost", () => {
  const bench = new Bench();
  const recorded = bench.network.record();
  bench.send(2, 1, 2);
  bench.network.clog(3, 2);
  bench.send(2, 3, 2);
  bench.send(1, 1, 3);
  bench.network.loseAllTo(2);
  bench.network.unclog(3, 2);
  bench.queue.runUntil(100);
  expect([bench.arrived, recorded.map(({ to }) => to)]).toEqual([[1], [3]]);
  bench.send(1, 1, 2);
  bench.queue.runUntil(200);
  expect(bench.arrived).toEqual([1, 1]);
});

describe("a clogged link", () => {
  test("keeps what is sent, and lets all of it go in order", () => {
    const bench = new Bench();
    bench.network.clog(1, 2);
    bench.send(100);
    bench.send(1, 2, 1);
    bench.queue.runUntil(1000);
    expect(bench.arrived).toEqual([1]);
    bench.network.unclog(1, 2);
    bench.queue.runUntil(2000);
    expect(bench.arrived).toEqual([1, ...HUNDRED]);
    expect(bench.network.counts.clogged).toBe(100);
  });

  test("drops and reports what is too much", () => {
    const bench = new Bench();
    bench.network.clog(1, 2);
    bench.send(201);
    expect(bench.unreachables).toEqual(["1>2"]);
    bench.network.heal();
    bench.queue.runUntil(1000);
    expect(bench.arrived.length).toBe(200);
  });
});
