import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const packageRoot = new URL("../../", import.meta.url);

/** What each example prints. */
const OUTPUT: Readonly<Record<string, readonly string[]>> = {
  echo: ["one two three"],
  "server-push": ["the client says 101 102 103, last 103"],
  archive: ["ann: hello"],
  chat: ["ann: 1 here", "bob: 2 here", "ann: good morning", "eve: 2 are in tea already"],
  "custom-auth": ["reader: DT_RPC_DENIED", "writer: has written", "writer: DT_RPC_UNAUTHENTICATED"],
  "http-server": ["http: hit 1", "rpc: 1 hits"],
};

describe("examples", () => {
  test.each(Object.entries(OUTPUT))("%s runs and does what it looks like", async (name, lines) => {
    const compiled = fileURLToPath(new URL(`dist/examples/${name}.js`, packageRoot));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [compiled]);
    expect([stdout, stderr]).toEqual([`${lines.join("\n")}\n`, ""]);
  });

  test("are short", async () => {
    const files = await readdir(new URL("examples", packageRoot));
    const examples = files.filter((file) => file.endsWith(".ts"));
    expect(examples.sort()).toEqual(
      [...Object.keys(OUTPUT), "line-queue"].map((name) => `${name}.ts`).sort(),
    );
    for (const file of examples) {
      const source = await readFile(new URL(`examples/${file}`, packageRoot), "utf8");
      expect([file, source.trimEnd().split("\n").length <= 60]).toEqual([file, true]);
    }
  });
});
