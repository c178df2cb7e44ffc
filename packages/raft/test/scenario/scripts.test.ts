import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { formatScript, parseScript, ScriptRunner } from "./script-runner.test.kit.ts";

/** The sources, not the build: UPDATE_SCRIPTS=1 writes the transcripts as they are now. */
const SCRIPTS = fileURLToPath(new URL("../../../test/scenario/scripts/", import.meta.url));
const isUpdate = process.env["UPDATE_SCRIPTS"] !== undefined;

describe("scripts on bare cores", () => {
  const files = readdirSync(SCRIPTS).filter((name) => name.endsWith(".txt"));

  test("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(12);
  });

  test.each(files)("%s", (file) => {
    const text = readFileSync(SCRIPTS + file, "utf8");
    const runner = new ScriptRunner();
    const parts = parseScript(text).map((part) => {
      if (typeof part === "string") {
        return part;
      }
      try {
        return { ...part, expected: runner.run(part.command) };
      } catch (cause) {
        throw new Error(`${file}, line ${part.line}: ${part.command}`, { cause });
      }
    });
    const actual = formatScript(parts);
    if (isUpdate) {
      writeFileSync(SCRIPTS + file, actual);
    }
    expect(actual).toBe(isUpdate ? actual : text);
  });
});
