import { SimRandom } from "@dt/raft/testing";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { inspectLog } from "../src/inspect/inspect-log.ts";
import { Child } from "./child-process.ts";
import { payloadOf } from "./payload.ts";

test(
  "D25 a process that is killed while it appends loses nothing that it acknowledged",
  { timeout: 120_000 },
  async () => {
    const path = await mkdtemp(join(tmpdir(), "killed-log-"));
    onTestFinished(() => rm(path, { recursive: true }));
    const random = new SimRandom(9);
    let acked = 0;
    for (let round = 0; round < 12; round++) {
      const child = new Child("appending-child.js", [path]);
      await child.untilLines(random.int(1, 300));
      await child.kill();
      const last = Number(child.lines.at(-1));
      expect(last).toBeGreaterThan(acked);
      acked = last;
      const data = await DataDirectory.open({ path, clusterId: "kill", nodeId: 1 });
      const log = data.log(1);
      const { lastIndex } = await log.open();
      expect(lastIndex).toBeGreaterThanOrEqual(acked);
      await data.close();
    }
    let index = 0;
    for await (const record of inspectLog(join(path, "1"))) {
      expect(record.index).toBe(++index);
      expect(record.payload.equals(payloadOf(index))).toBe(true);
    }
    expect(index).toBeGreaterThanOrEqual(acked);
  },
);
