import { expect, test } from "vitest";
import { type Append, type AppendReply, MessageKind } from "../../src/core/message.ts";
import { APPEND_REPLIES, APPENDS, ledByFirst, messages, writeEach } from "./cluster.test.kit.ts";

test("R5 an old append that arrives again cuts nothing", () => {
  const cluster = ledByFirst();
  const { network } = cluster;
  const follower = cluster.node(2);
  // Nothing more is committed, so nothing but the follower's care protects its entries.
  network.cut([3], [1, 2]);
  const acks = messages(APPEND_REPLIES, 2, 1);
  network.hold(acks);
  const sent = network.record();
  const start = follower.core.lastIndex;
  for (const count of [4 - start, 4, 12]) {
    Array.from({ length: count }, () => cluster.write(1));
    cluster.run(20);
  }
  const { lastChain } = follower.core;
  expect(follower.core).toMatchObject({ lastIndex: 20, commitIndex: start });
  const appends = sent.filter(messages(APPENDS, 1, 2)) as Append[];
  const old = appends.find(({ batches }) => batches[0]?.firstIndex === 5)!;
  expect(old.batches).toMatchObject([{ firstIndex: 5, lastIndex: 8 }]);
  network.take();
  network.inject(old);
  network.inject(old);
  cluster.run(20);
  expect(follower.core).toMatchObject({ lastIndex: 20, lastChain });
  expect(cluster.invariants.truncations).toBe(0);
  const answers = network.held.filter(acks) as AppendReply[];
  expect(answers.length).toBe(2);
  for (const { accepted, index } of answers) {
    expect(accepted).toBe(true);
    expect(index).toBeGreaterThanOrEqual(8);
  }
  network.unhold();
  network.heal();
  cluster.settle();
  expect(follower.core).toMatchObject({ lastIndex: 20, lastChain, commitIndex: 20 });
});

test("R7 a refusal that comes after the entries were acknowledged changes nothing", () => {
  const cluster = ledByFirst();
  const { network } = cluster;
  const leader = cluster.node(1);
  const toSecond = messages(APPENDS, 1, 2);
  const replies = messages(APPEND_REPLIES, 2, 1);
  network.hold((message) => toSecond(message) || replies(message));
  writeEach(cluster, 1, 2);
  const [first, second] = network.take(toSecond);
  network.inject(second!);
  cluster.run(5);
  const [refusal] = network.take(replies) as AppendReply[];
  expect(refusal).toMatchObject({ accepted: false });
  network.inject(first!);
  cluster.run(5);
  const [ack] = network.take(replies) as AppendReply[];
  expect(ack).toMatchObject({ accepted: true, index: refusal!.index });
  network.inject(ack!);
  cluster.run(0);
  const before = leader.core.progress();
  expect(before[0]).toMatchObject({
    id: 2,
    state: "replicate",
    matchIndex: ack!.index,
    nextIndex: ack!.index + 2,
  });
  network.inject(refusal!);
  cluster.run(0);
  expect(leader.core.progress()).toEqual(before);
  network.unhold();
  network.inject(second!);
  cluster.settle();
});

test("R9 a follower that stops acknowledging gets the window and then one empty append per heartbeat", () => {
  const windowAppends = 4;
  const cluster = ledByFirst({ core: { windowAppends, maxAppendBytes: 1 }, host: { tickMs: 10 } });
  const { network } = cluster;
  const leader = cluster.node(1);
  const start = leader.core.lastIndex;
  const acks = messages(APPEND_REPLIES, 3, 1);
  network.hold(acks);
  const sent = network.record();
  writeEach(cluster, 1, 10);
  cluster.run(cluster.options.heartbeatMs / 2);
  const appends = (): Append[] => sent.filter(messages(APPENDS, 1, 3)) as Append[];
  expect(appends().filter(({ batches }) => batches.length > 0).length).toBe(windowAppends);
  expect(cluster.node(3).core.lastIndex).toBe(start + windowAppends);
  expect(leader.core.commitIndex).toBe(start + 10);

  sent.length = 0;
  cluster.run(5 * cluster.options.heartbeatMs);
  const answers = sent.filter(messages([MessageKind.heartbeatReply], 3, 1));
  expect(answers.length).toBeGreaterThanOrEqual(4);
  expect(appends().every(({ batches }) => batches.length === 0)).toBe(true);
  expect(Math.abs(appends().length - answers.length)).toBeLessThanOrEqual(1);

  sent.length = 0;
  const held = network.take(acks) as AppendReply[];
  network.unhold();
  const newest = held.reduce((best, ack) => (ack.index > best.index ? ack : best));
  expect(newest.index).toBe(start + windowAppends);
  network.inject(newest);
  cluster.run(cluster.options.heartbeatMs / 2);
  expect(appends().filter(({ batches }) => batches.length > 0).length).toBeGreaterThan(1);
  expect(cluster.node(3).core.lastIndex).toBe(start + 10);
});

test("R10 entries larger than the window by bytes travel one by one, each alone", () => {
  const windowBytes = 1000;
  const cluster = ledByFirst({ core: { windowBytes, maxAppendBytes: 800 }, host: { tickMs: 10 } });
  const { network } = cluster;
  const start = cluster.node(3).core.lastIndex;
  network.hold(messages(APPEND_REPLIES, 3, 1));
  const sent = network.record();
  for (let i = 0; i < 4; i++) {
    cluster.write(1, 1, 0, 3 * windowBytes);
    cluster.run(1);
  }
  const full = (): Append[] =>
    (sent.filter(messages(APPENDS, 1, 3)) as Append[]).filter(({ batches }) => batches.length > 0);
  cluster.run(10 * cluster.options.heartbeatMs);
  expect(full()).toMatchObject([{ batches: [{ firstIndex: start + 1, lastIndex: start + 1 }] }]);
  for (let taken = 2; taken <= 4; taken++) {
    network.deliverHeld();
    cluster.run(10);
    const firsts = full().map(({ batches }) => batches[0]!.firstIndex - start);
    expect(firsts).toEqual(Array.from({ length: taken }, (_, i) => i + 1));
  }
  network.unhold();
  network.deliverHeld();
  cluster.settle();
});

test("R14 positions that are on their way to the disk are read as they are now, whoever wrote them last", () => {
  const cluster = ledByFirst({ nodeCount: 5, core: { preVote: false, maxAppendBytes: 1 } });
  const { network } = cluster;
  const slow = cluster.node(5);
  const start = slow.core.lastIndex;
  const chains = (id: number): (number | undefined)[] =>
    Array.from({ length: cluster.node(id).core.lastIndex - start }, (_, i) => {
      const batches = cluster.node(id).core.tailBatches(start + 1 + i, start + 1 + i, Infinity);
      return batches?.at(-1)?.chain;
    });
  const isEqual = (id: number): boolean =>
    slow.core.lastIndex === cluster.node(id).core.lastIndex &&
    String(chains(5)) === String(chains(id));
  slow.disk.hold();
  network.cut([1, 5], [2, 3, 4]);
  for (let i = 0; i < 8; i++) {
    cluster.write(1);
    cluster.run(10);
  }
  cluster.runUntil(() => isEqual(1), cluster.electionMs / 2, "the entries of 1");
  expect(slow.disk.pendingWrites).toBeGreaterThanOrEqual(8);
  network.heal();
  network.cut([1], [2, 3, 4, 5]);
  // The next leader's entries reach the slow one only.
  const campaigns = messages([MessageKind.vote, MessageKind.preVote], 5);
  network.hold(
    (message) => campaigns(message) || (APPENDS.includes(message.kind) && message.to !== 5),
  );
  cluster.runUntil(() => [2, 3, 4].some((id) => cluster.node(id).leads), 20_000, "another leader");
  const second = cluster.leader!.id;
  cluster.runUntil(() => isEqual(second), cluster.electionMs, "the entries of the second");
  const rewritten = chains(5);
  cluster.script(() => cluster.node(second).crash());
  network.heal();
  network.take();
  network.hold(campaigns);
  cluster.runUntil(() => cluster.node(1).leads && isEqual(1), 20_000, "1 again, and its entries");
  expect(chains(5)).not.toEqual(rewritten);
  expect(slow.core.durableIndex).toBeLessThanOrEqual(start);
  expect(slow.disk.pendingWrites).toBeGreaterThan(10);
  while (slow.disk.pendingWrites > 0) {
    cluster.script(() => slow.disk.flush(1));
    cluster.run(1);
    expect(isEqual(1) || slow.core.lastIndex > start + 8).toBe(true);
  }
  network.unhold();
  cluster.script(() => {
    slow.disk.unhold();
    cluster.node(second).start();
  });
  cluster.settle();
  cluster.checkHistory();
});
