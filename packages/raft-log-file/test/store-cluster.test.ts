import { describe, expect, test } from "vitest";
import { PeerBook } from "../src/directory/peer-book.ts";
import { FaultyDisk } from "../src/testing/index.ts";
import { type Member, pathOf, statusOf, stoppedCluster, until, write } from "./cluster-member.ts";

/** Whether a member takes part: it leads, or hears the one that does. */
function takesPart(member: Member): boolean {
  const status = statusOf(member, 1);
  return status.role === "leader" || status.leaderId > 0;
}

/** Connections of other members that this one has turned down. */
function refusals(member: Member): number {
  return member.server?.rpc.counters.handshakesFailed ?? 0;
}

describe("a member that comes back without its data", () => {
  test("B2 as a follower is refused and has no vote; the others go on, and it never acknowledges", async () => {
    const members = await stoppedCluster([1]);
    const [a, b, c] = members as [Member, Member, Member];
    c.disk = new FaultyDisk();
    await Promise.all([a.start(members, [1]), c.start(members, [1])]);
    // With it there would be a majority: it must not be one.
    await until(() => refusals(a) >= 6);
    expect(takesPart(c)).toBe(false);
    expect(statusOf(a, 1).role).not.toBe("leader");
    await b.start(members, [1]);
    const index = await write([a, b], 1, 5);
    await until(() => [a, b].every((each) => statusOf(each, 1).appliedIndex >= index));
    expect(statusOf(c, 1)).toMatchObject({ lastIndex: 0, commitIndex: 0 });
  });

  test("B3 as the leader neither votes nor wins; the others elect one of them, with all data", async () => {
    const members = await stoppedCluster([1]);
    const started = members.map((member) => member.start(members, [1]));
    await Promise.all(started);
    const before = await write(members, 1, 3);
    const leader = members.find((member) => statusOf(member, 1).role === "leader") as Member;
    await leader.stop();
    leader.disk = new FaultyDisk();
    await leader.start(members, [1]);
    const others = members.filter((member) => member !== leader);
    const index = await write(others, 1, 3);
    expect(index).toBeGreaterThan(before);
    expect(takesPart(leader)).toBe(false);
    expect(statusOf(leader, 1).lastIndex).toBe(0);
  });

  test("B3 the stores of the others are remembered on the disk, under a checksum", async () => {
    const members = await stoppedCluster([1]);
    const [a] = members as [Member];
    const own = a.disk.contentOf(`${pathOf(1)}/identity`).subarray(16, 32);
    const book = await PeerBook.open(a.disk, pathOf(1), own);
    expect(book.knownStore(2)).toMatch(/^[0-9a-f]{32}$/);
    expect(book.knownStore(3)).toMatch(/^[0-9a-f]{32}$/);
    expect(book.knownStore(2)).not.toBe(book.knownStore(3));
    a.disk.flipBit(`${pathOf(1)}/peers`, 20 * 8);
    await expect(PeerBook.open(a.disk, pathOf(1), own)).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
    });
  });
});
