import { cp, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { adoptCopy, isCopy } from "../src/directory/adopt-copy.ts";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { Child } from "./child-process.ts";
import { GOLDEN_CLUSTER, GOLDEN_NODE } from "./golden/golden-log.ts";

/** A directory that a process has open, and a copy of it. */
async function cloned() {
  const scratch = await mkdtemp(join(tmpdir(), "cloned-"));
  onTestFinished(() => rm(scratch, { recursive: true }));
  const original = join(scratch, "original");
  const owner = start(original);
  await owner.untilLines(1);
  expect(owner.lines).toEqual(["owned"]);
  const copy = join(scratch, "copy");
  // The sockets in LOCK cannot be copied; whether their names are there makes no difference.
  await cp(original, copy, { recursive: true, filter: (path) => !path.includes("LOCK") });
  return { scratch, original, owner, copy };
}

function start(path: string): Child {
  const child = new Child("locking-child.js", [path]);
  onTestFinished(() => child.kill());
  return child;
}

function open(path: string): Promise<DataDirectory> {
  return DataDirectory.open({ path, clusterId: "lock", nodeId: 1 });
}

describe("D21 a copy of a data directory", () => {
  test("is refused in a process of its own, while the original is in use and afterwards", async () => {
    const { original, owner, copy } = await cloned();
    const before = await readFile(join(copy, "identity"));
    const second = start(copy);
    await second.untilLines(1);
    expect(second.lines).toEqual(["DT_LOG_CLONED "]);
    await owner.end();
    await expect(open(copy)).rejects.toMatchObject({
      code: "DT_LOG_CLONED",
      fault: { directory: copy, expected: expect.stringMatching(/^\d+$/) as string },
    });
    // Refused before anything is touched, not even locked.
    expect(await readFile(join(copy, "identity"))).toEqual(before);
    expect(await readdir(copy)).not.toContain("LOCK");
    await (await open(original)).close();
  });

  test("may be taken over on purpose, and is then a directory like any other", async () => {
    const { scratch, original, owner, copy } = await cloned();
    await owner.kill();
    expect(await isCopy(original)).toBe(false);
    expect(await isCopy(copy)).toBe(true);
    await adoptCopy(copy);
    expect(await isCopy(copy)).toBe(false);
    const data = await open(copy);
    await expect(adoptCopy(copy)).rejects.toMatchObject({ code: "DT_LOG_IN_USE" });
    await data.close();
    await expect(adoptCopy(scratch)).rejects.toMatchObject({ code: "DT_LOG_IO" });
  });

  test("is noticed from the first opening on where an earlier program had made the directory", async () => {
    const { scratch } = await cloned();
    const path = join(scratch, "golden");
    const identity = { clusterId: GOLDEN_CLUSTER, nodeId: GOLDEN_NODE };
    await cp(join(import.meta.dirname, "../../test/golden/v2/data"), path, { recursive: true });
    await (await DataDirectory.open({ path, ...identity })).close();
    await (await DataDirectory.open({ path, ...identity })).close();
    await cp(path, `${path}-copy`, { recursive: true });
    await expect(DataDirectory.open({ path: `${path}-copy`, ...identity })).rejects.toMatchObject({
      code: "DT_LOG_CLONED",
    });
  });

  test("is none when the directory was only given another name", async () => {
    const { scratch, original, owner } = await cloned();
    await owner.end();
    const moved = join(scratch, "moved");
    await rename(original, moved);
    const data = await open(moved);
    await data.close();
  });
});
