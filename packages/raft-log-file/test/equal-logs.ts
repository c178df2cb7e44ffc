import { expect } from "vitest";
import { verifyLogs } from "../src/inspect/verify-logs.ts";
import { FaultyDisk } from "../src/testing/index.ts";
import { type Member, pathOf } from "./cluster-member.ts";

/** Stops the members and compares their logs of these groups, byte by byte; each has more than 80 entries. */
export async function expectEqual(
  members: readonly Member[],
  groupIds: readonly number[],
): Promise<void> {
  await Promise.all(members.map((member) => member.stop()));
  const all = new FaultyDisk();
  for (const { disk } of members) {
    for (const path of disk.paths().filter((each) => /\.log$|status$/.test(each))) {
      let made = "";
      for (const part of path.split("/").slice(1, -1)) {
        made += `/${part}`;
        await all.makeDirectory(made);
      }
      all.plant(path, disk.contentOf(path));
    }
  }
  const found = await verifyLogs(
    members.map(({ nodeId }) => pathOf(nodeId)),
    all,
  );
  expect(found.map((each) => each.groupId)).toEqual(groupIds);
  for (const each of found) {
    expect(each.difference).toBeNull();
    expect(each.copies.map((copy) => copy.damage)).toEqual([null, null, null]);
    expect(each.equalTo).toBeGreaterThan(80);
  }
}
