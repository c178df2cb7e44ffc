import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { readRecords } from "./entry-maker.ts";
import {
  GOLDEN_CLUSTER,
  GOLDEN_NODE,
  JOURNALED_ENTRIES,
  journaledPayload,
} from "./golden/golden-log.ts";

const GOLDEN = join(import.meta.dirname, "../../test/golden");
const VERSIONS = readdirSync(GOLDEN).filter((name) => name.startsWith("journal-v"));

test("there is a golden journal of every format version", () => {
  expect(VERSIONS).toEqual(["journal-v1", "journal-v2"]);
});

test.each(VERSIONS)("flushes that are only in a %s are brought to their segments", async (name) => {
  const path = mkdtempSync(join(tmpdir(), "golden-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  cpSync(join(GOLDEN, name, "data"), path, { recursive: true });
  const identity = { clusterId: GOLDEN_CLUSTER, nodeId: GOLDEN_NODE };
  const data = await DataDirectory.open({ path, ...identity });
  expect(data.recovered?.copied).toBeGreaterThan(10);
  for (const groupId of [1, 2]) {
    const log = data.log(groupId);
    const { lastIndex } = await log.open();
    expect(lastIndex).toBe(JOURNALED_ENTRIES);
    for (const [i, record] of (await readRecords(log, lastIndex)).entries()) {
      expect(record.includes(journaledPayload(groupId, i + 1))).toBe(true);
    }
  }
  await data.close();
});
