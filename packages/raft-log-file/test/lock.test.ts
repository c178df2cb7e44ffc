import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { Child } from "./child-process.ts";

async function newDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "locked-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

function start(path: string): Child {
  const child = new Child("locking-child.js", [path]);
  onTestFinished(() => child.kill());
  return child;
}

function open(path: string): Promise<DataDirectory> {
  return DataDirectory.open({ path, clusterId: "lock", nodeId: 1 });
}

test("D20 a second process is refused with the owner's process id", async () => {
  const path = await newDirectory();
  const owner = start(path);
  await owner.untilLines(1);
  expect(owner.lines).toEqual(["owned"]);
  await expect(open(path)).rejects.toMatchObject({
    code: "DT_LOG_IN_USE",
    fault: { directory: path, pid: owner.pid },
  });
  await owner.end();
});

test("D20 an owner that is stopped still owns", async () => {
  const path = await newDirectory();
  const owner = start(path);
  await owner.untilLines(1);
  owner.signal("SIGSTOP");
  await expect(open(path)).rejects.toMatchObject({ code: "DT_LOG_IN_USE" });
  owner.signal("SIGCONT");
});

test("D20 a crash frees the directory at once, and leaves nothing in the way", async () => {
  const path = await newDirectory();
  for (let round = 0; round < 3; round++) {
    const owner = start(path);
    await owner.untilLines(1);
    expect(owner.lines).toEqual(["owned"]);
    await owner.kill();
  }
  const directory = await open(path);
  expect(await readdir(join(path, "LOCK"))).toHaveLength(1);
  await directory.close();
  expect(await readdir(join(path, "LOCK"))).toEqual([]);
});

test(
  "D20 of processes that race for a directory at most one gets it",
  { timeout: 60_000 },
  async () => {
    const path = await newDirectory();
    for (let round = 0; round < 6; round++) {
      const children = Array.from({ length: 5 }, () => start(path));
      await Promise.all(children.map((child) => child.untilLines(1)));
      const outcomes = children.map((child) => child.lines[0] ?? "");
      const owners = children.filter((child) => child.lines[0] === "owned");
      expect(owners.length).toBeLessThanOrEqual(1);
      const pids = new Set(children.map((child) => child.pid));
      for (const outcome of outcomes.filter((each) => each !== "owned")) {
        expect(outcome).toMatch(/^DT_LOG_IN_USE \d+$/);
        expect(pids).toContain(Number(outcome.split(" ")[1]));
      }
      await Promise.all(children.map((child) => child.kill()));
    }
  },
);

test("D20 objects that race for a directory inside one process: exactly one gets it", async () => {
  const path = await newDirectory();
  for (let round = 0; round < 10; round++) {
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => open(path)));
    const opened = results.filter((result) => result.status === "fulfilled");
    expect(opened).toHaveLength(1);
    await opened[0]?.value.close();
  }
});

test("a claim whose process id belongs to another living process does not lock", async () => {
  const path = await newDirectory();
  // What a crash leaves: a socket that nobody listens on. The process id is now that of this test.
  const lock = join(path, "LOCK");
  await mkdir(lock);
  const child = start(path);
  await child.untilLines(1);
  await child.kill();
  const [stale = ""] = await readdir(lock);
  expect(stale.startsWith(`${child.pid}-`)).toBe(true);
  const { rename } = await import("node:fs/promises");
  await rename(join(lock, stale), join(lock, `${process.pid}-0123456789abcdef`));
  await (await open(path)).close();
});

test("a path longer than a socket's address can be locked", async () => {
  const base = await newDirectory();
  const path = join(base, "long-".repeat(40));
  const directory = await open(path);
  await expect(open(path)).rejects.toMatchObject({ code: "DT_LOG_IN_USE" });
  await directory.close();
});

test("a contender that gives up lets the one go on that waits for it", async () => {
  const path = await newDirectory();
  const lock = join(path, "LOCK");
  await mkdir(lock);
  // A living claim of a higher name, which has not decided yet and gives up when it is asked.
  const other = createServer((socket) => {
    other.close();
    socket.destroy();
  });
  await new Promise<void>((resolve) => {
    other.listen(join(lock, "999999999-ffffffffffffffff"), resolve);
  });
  await (await open(path)).close();
});
