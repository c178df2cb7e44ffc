import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { EntryMaker, store } from "./entry-maker.ts";
import {
  GOLDEN_CLUSTER,
  GOLDEN_GROUP,
  GOLDEN_NODE,
  GOLDEN_OPTIONS,
  type GoldenContent,
  readGolden,
} from "./golden/golden-log.ts";

const GOLDEN = join(import.meta.dirname, "../../test/golden");
const VERSIONS = readdirSync(GOLDEN).filter((name) => /^v\d+$/.test(name));

/** A copy of a golden directory, open; removed afterwards. */
async function withGolden<T>(
  version: string,
  use: (data: DataDirectory, content: GoldenContent) => Promise<T>,
): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), "golden-"));
  const content = readFileSync(join(GOLDEN, version, "content.json"), "utf8");
  cpSync(join(GOLDEN, version, "data"), scratch, { recursive: true });
  const data = await DataDirectory.open({
    path: scratch,
    clusterId: GOLDEN_CLUSTER,
    nodeId: GOLDEN_NODE,
  });
  try {
    return await use(data, JSON.parse(content) as GoldenContent);
  } finally {
    await data.close();
    rmSync(scratch, { recursive: true });
  }
}

test("there is a golden directory of every format version", () => {
  expect(VERSIONS).toEqual(["v1", "v2"]);
});

describe.each(VERSIONS)("a directory of format %s", (version) => {
  test("is read as it was written", async () => {
    await withGolden(version, async (data, content) => {
      expect(await readGolden(data)).toMatchObject(content);
    });
  });

  test("can be written to, and is then found with what was added", async () => {
    await withGolden(version, async (data, content) => {
      const log = data.log(GOLDEN_GROUP, GOLDEN_OPTIONS);
      const { lastIndex, lastChain, hardState } = await log.open();
      const payloads = Array.from({ length: 12 }, (_, i) => Buffer.alloc(2500, i));
      const maker = new EntryMaker();
      await store(
        log,
        maker.write(maker.entriesAfter(lastIndex, lastChain, 5, payloads), 0, {
          ...hardState,
          term: 5,
        }),
      );
      await log.close();
      const found = await readGolden(data);
      expect(found.state.lastIndex).toBe(lastIndex + 12);
      expect(found.records.slice(0, content.records.length)).toEqual(content.records);
    });
  });
});
