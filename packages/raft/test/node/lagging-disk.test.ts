import { expect, test } from "vitest";
import type { Write } from "../../src/core/output.ts";
import type { EntryBatch } from "../../src/entry/entry-batch.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { GroupCluster } from "./group-cluster.ts";

/** Takes its time to report a write, and reads only what it has reported, as logs on disks do. */
class SlowLog extends MemoryLog {
  syncMs = 0;
  #reportedIndex = 0;

  constructor(clock: GroupCluster["clock"]) {
    super({ defer: (task) => clock.setTimer(clock.nowMs() + this.syncMs, task) });
  }

  override write(write: Write, done: (error: Error | null) => void): void {
    const lastIndex = write.batches.at(-1)?.lastIndex ?? 0;
    super.write(write, (error) => {
      this.#reportedIndex = Math.max(this.#reportedIndex, lastIndex);
      done(error);
    });
  }

  /** A log lets go only of what its disk holds: there it may still hold other entries. */
  override dropHead(beforeIndex: number): void {
    expect(beforeIndex - 1).toBeLessThanOrEqual(this.#reportedIndex);
    super.dropHead(beforeIndex);
  }

  override read(first: number, last: number, maxBytes: number): Promise<EntryBatch[]> {
    return last > this.#reportedIndex
      ? Promise.reject(new Error(`read to ${last} while ${this.#reportedIndex} is durable`))
      : super.read(first, last, maxBytes);
  }
}

test("R13 a restarted leader commits and applies ahead of its slow disk", async () => {
  const cluster = new GroupCluster(3, { tailBytes: 1 });
  const logs = cluster.nodes.map(() => new SlowLog(cluster.clock));
  for (const [i, node] of cluster.nodes.entries()) {
    node.log = logs[i]!;
  }
  await cluster.start();
  const first = await cluster.leader();
  const before = cluster.propose(first.group, "before");
  await cluster.runUntil("a write", () => before.text !== "waits");
  await cluster.run(1000);
  for (const { id } of cluster.nodes) {
    await cluster.stop(id);
  }
  for (const log of logs) {
    log.syncMs = 300;
  }
  await cluster.start();
  const withRole = (role: string): GroupCluster["nodes"][number] | undefined =>
    cluster.nodes.find(({ group }) => group?.status().role === role);
  await cluster.runUntil("a candidate", () => withRole("candidate") !== undefined);
  const { id } = withRole("candidate")!;
  for (const [i, log] of logs.entries()) {
    log.syncMs = i + 1 === id ? 300 : 0;
  }
  await cluster.runUntil("a leader", () => withRole("leader") !== undefined);
  const { group, machine } = cluster.node(id);
  const after = cluster.propose(group!, "after");
  await cluster.runUntil("the write", () => after.text !== "waits", 100);
  expect(after.text).toBe("result 2");
  expect(machine.items).toEqual(["before", "after"]);
  expect(group!.status().durableIndex).toBeLessThan(group!.status().commitIndex);
});

test("a leader that applies ahead of its slow disk cuts its log no further than the disk is", async () => {
  const cluster = new GroupCluster(3, { snapshotTailEntries: 0, snapshotKeep: 1 }).keepSnapshots();
  const logs = cluster.nodes.map(() => new SlowLog(cluster.clock));
  for (const [i, node] of cluster.nodes.entries()) {
    node.log = logs[i]!;
  }
  await cluster.start();
  const { id, group } = await cluster.leader();
  const log = logs[id - 1]!;
  const early = cluster.propose(group, "durable");
  await cluster.runUntil("a write", () => early.text !== "waits");
  await cluster.run(100);
  log.syncMs = 1500;
  const late = cluster.propose(group, "on its way");
  await cluster.runUntil("a write", () => late.text !== "waits");
  const taken = group.takeSnapshot();
  let index = 0;
  taken.then(
    (meta) => (index = meta.index),
    () => {},
  );
  await cluster.runUntil("a snapshot", () => index > 0, 1000);
  expect(group.status().durableIndex).toBeLessThan(index);
  expect(log.firstIndex).toBeLessThanOrEqual(group.status().durableIndex + 1);
  await cluster.runUntil("the cut", () => log.firstIndex === index + 1, 5000);
  expect(group.status().durableIndex).toBeGreaterThanOrEqual(index);
});
