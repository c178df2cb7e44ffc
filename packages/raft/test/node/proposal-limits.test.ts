import { describe, expect, test } from "vitest";
import type { RaftGroup } from "../../src/node/raft-group.ts";
import { GroupCluster, type Outcome } from "./group-cluster.ts";

const MIB = 1 << 20;

describe("R11 a limit on writes that are not committed", () => {
  test("R11 refuses what is beyond it at once, and nothing more when they are committed", async () => {
    const options = { maxPendingBytes: 8 * MIB, maxEntryBytes: MIB, checkQuorum: false };
    const cluster = new GroupCluster(3, options);
    await cluster.start();
    const group = await leaderWithoutLease(cluster);
    cluster.isolate(group.nodeId);
    const payload = "x".repeat(MIB - 64);
    const writes = Array.from({ length: 12 }, () => cluster.propose(group, payload));
    const waiting = writes.filter(({ text }) => text === "waits");
    const refused = writes.filter((write) => !waiting.includes(write));
    expect(waiting.length).toBe(8);
    for (const { text, error } of refused) {
      expect(text).toBe("DT_RAFT_PROPOSALS_FULL");
      expect(error?.mayHaveExecuted).toBe(false);
    }
    await cluster.run(2000);
    expect(cluster.propose(group, payload).text).toBe("DT_RAFT_PROPOSALS_FULL");
    cluster.heal();
    await cluster.runUntil("the writes are committed", () => allEnded(waiting));
    expect(waiting.map(({ text }) => text)).toEqual(waiting.map((_, i) => `result ${i + 1}`));
    expect(group.status().pendingProposals).toBe(0);
    const again = Array.from({ length: 8 }, () => cluster.propose(group, payload));
    await cluster.runUntil("as many again", () => allEnded(again));
    expect(again.every(({ text }) => text.startsWith("result"))).toBe(true);
    expect(cluster.node(group.nodeId).machine.items.length).toBe(16);
  });

  test("R11 does not stop the no-op of the next leader", async () => {
    const cluster = new GroupCluster(3, { maxPendingProposals: 1 });
    await cluster.start();
    const first = await cluster.leader();
    cluster.isolate(first.id);
    const waiting = cluster.propose(first.group, "waits");
    expect(cluster.propose(first.group, "refused").text).toBe("DT_RAFT_PROPOSALS_FULL");
    await cluster.runUntil("the leader steps down", () => waiting.text !== "waits");
    cluster.heal();
    const next = await cluster.leader();
    expect(next.group.status().commitIndex).toBeGreaterThan(1);
    expect(cluster.propose(next.group, "after").text).toBe("waits");
    expect(cluster.propose(next.group, "refused").text).toBe("DT_RAFT_PROPOSALS_FULL");
    await cluster.runUntil("everything is applied", () =>
      cluster.nodes.every(({ machine }) => machine.items.includes("after")),
    );
    for (const { machine } of cluster.nodes) {
      expect(machine.items).not.toContain("refused");
    }
  });
});

test("R17 entries of no byte, of one and of the most come back as they were; one byte more is refused", async () => {
  const maxEntryBytes = 5000;
  const cluster = new GroupCluster(3, { maxEntryBytes, maxAppendBytes: 1000 });
  await cluster.start();
  const withoutPoison = (): void =>
    cluster.nodes.forEach(({ machine }) => void (machine.poison = "none"));
  withoutPoison();
  const { group } = await cluster.leader();
  const before = group.status().lastIndex;
  const refused = cluster.propose(group, "r".repeat(maxEntryBytes + 1));
  expect(refused.text).toBe("DT_RAFT_ENTRY_TOO_LARGE");
  expect(refused.error?.mayHaveExecuted).toBe(false);
  await cluster.run(100);
  expect(group.status().lastIndex).toBe(before);
  const texts = ["", "1", "\u0000", "m".repeat(maxEntryBytes), "", "end"];
  const writes = texts.map((text) => cluster.propose(group, text));
  await cluster.runUntil("all answers", () => allEnded(writes));
  expect(writes.map(({ text }) => text)).toEqual(texts.map((_, i) => `result ${i + 1}`));
  await cluster.runUntil("all nodes have them", () =>
    cluster.nodes.every(({ machine }) => machine.items.length === texts.length),
  );
  for (const { machine } of cluster.nodes) {
    expect(machine.items).toEqual(texts);
  }
  // They come back from the log, too.
  for (const { id } of cluster.nodes) {
    await cluster.stop(id);
  }
  await cluster.start();
  withoutPoison();
  await cluster.leader();
  await cluster.runUntil("all nodes have them again", () =>
    cluster.nodes.every(({ machine }) => machine.items.length === texts.length),
  );
  expect(cluster.node(1).machine.items).toEqual(texts);
});

test("R12 without a leader every node refuses a write at once, and it never appears", async () => {
  const cluster = new GroupCluster(3);
  await cluster.start();
  const refused = cluster.nodes.map(({ id, group }) => cluster.propose(group!, `early ${id}`));
  const leader = await cluster.leader();
  for (const { id } of cluster.nodes) {
    cluster.isolate(id);
  }
  await cluster.runUntil("the leader steps down", () => leader.group.status().role !== "leader");
  refused.push(...cluster.nodes.map(({ id, group }) => cluster.propose(group!, `late ${id}`)));
  for (const { text, error } of refused) {
    expect(text).toBe("DT_RAFT_NOT_LEADER");
    expect(error?.mayHaveExecuted).toBe(false);
  }
  cluster.heal();
  const next = await cluster.leader();
  const last = cluster.propose(next.group, "last");
  await cluster.runUntil("the last write", () => last.text !== "waits");
  await cluster.runUntil("all nodes have it", () =>
    cluster.nodes.every(({ machine }) => machine.items.join() === "last"),
  );
});

test("R22 of 10,000 writes of 100 clients each gets its own result, in its client's order", async () => {
  const cluster = new GroupCluster(3, { maxAppendBytes: 4096 });
  await cluster.start();
  const { group, machine } = await cluster.leader();
  const writes: { readonly client: number; readonly name: string; readonly outcome: Outcome }[] =
    [];
  for (let round = 0; round < 100; round++) {
    for (let client = 0; client < 100; client++) {
      const name = `${client}:${round}`;
      writes.push({ client, name, outcome: cluster.propose(group, name) });
    }
    if (round % 10 === 9) {
      await cluster.run(10);
    }
  }
  await cluster.runUntil("all answers", () => allEnded(writes.map(({ outcome }) => outcome)));
  const lastIndex = new Map<number, number>();
  for (const { client, name, outcome } of writes) {
    const place = Number(outcome.text.replace("result ", ""));
    expect(machine.items[place - 1]).toBe(name);
    expect(outcome.index).toBeGreaterThan(lastIndex.get(client) ?? 0);
    lastIndex.set(client, outcome.index);
  }
  await cluster.runUntil("all nodes have everything", () =>
    cluster.nodes.every((node) => node.machine.items.length === 10_000),
  );
  for (const node of cluster.nodes) {
    expect(node.machine.items).toEqual(machine.items);
  }
});

function allEnded(outcomes: readonly Outcome[]): boolean {
  return outcomes.every(({ text }) => text !== "waits");
}

/** The leader of a cluster without leases, when its no-op is committed. */
async function leaderWithoutLease(cluster: GroupCluster): Promise<RaftGroup<number>> {
  const leading = (): RaftGroup<number> | null | undefined =>
    cluster.nodes.find(({ group }) => group?.status().role === "leader")?.group;
  await cluster.runUntil("a leader", () => (leading()?.status().commitIndex ?? 0) > 0);
  return leading()!;
}
