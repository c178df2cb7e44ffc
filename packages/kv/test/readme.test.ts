import { freePorts } from "@dt/raft/testing";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runSettings } from "../examples/settings.ts";
import type { KvFault } from "../src/index.ts";
import {
  DEFAULT_KV_SERVER_OPTIONS,
  MAX_BATCH_KEYS,
  MAX_KEY_BYTES,
  MAX_NODES,
} from "../src/index.ts";

const folder = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("README.md", folder), "utf8");

// The type checker refuses a code too many here and one that is missing.
const codes = {
  DT_KV_BAD_REPLY: true,
  DT_KV_BAD_SNAPSHOT: true,
  DT_KV_BATCH_TOO_LARGE: true,
  DT_KV_IS_DIRECTORY: true,
  DT_KV_IS_ROOT: true,
  DT_KV_KEY_EMPTY_SEGMENT: true,
  DT_KV_KEY_TOO_LONG: true,
  DT_KV_KEY_UTF8: true,
  DT_KV_NOT_DIRECTORY: true,
  DT_KV_NOT_EMPTY: true,
  DT_KV_OPTIONS: true,
  DT_KV_PARENT_IS_VALUE: true,
  DT_KV_REQUEST_MALFORMED: true,
  DT_KV_STORE_FULL: true,
  DT_KV_UNKNOWN_COMMAND: true,
  DT_KV_VALUE_TOO_LARGE: true,
} satisfies Record<KvFault["code"], true>;

/** Cells of the rows of a section's table that begin with code. */
function tableRows(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
}

describe("the README", () => {
  it("shows the example as it is run here", async () => {
    const example = readFileSync(new URL("examples/settings.ts", folder), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
    const [port = 0] = await freePorts(1);
    expect(await runSettings(port)).toBe("web/port version 2");
  });

  it("lists every error code, once and in order, with what to do", () => {
    const rows = tableRows("Errors");
    expect(rows.map((row) => row[0])).toEqual(Object.keys(codes));
    expect(rows.every((row) => row.length === 5 && row.every((cell) => cell !== ""))).toBe(true);
  });

  it("states the defaults and limits there are", () => {
    const defaults = new Map(tableRows("Options").map((row) => [row[0], row[2]]));
    for (const [name, value] of Object.entries(DEFAULT_KV_SERVER_OPTIONS)) {
      expect(defaults.get(name)).toBe(String(value));
    }
    const meanings = new Map(tableRows("Errors").map((row) => [row[0], row[1]]));
    expect(meanings.get("DT_KV_KEY_TOO_LONG")).toContain(`${MAX_KEY_BYTES} bytes`);
    expect(meanings.get("DT_KV_BATCH_TOO_LARGE")).toContain(`${MAX_BATCH_KEYS} keys`);
    expect(meanings.get("DT_KV_STORE_FULL")?.replaceAll(" ", "")).toContain(String(MAX_NODES));
  });

  it("points to files that exist", () => {
    const links = [...readme.matchAll(/\]\((src\/[^)]+)\)/g)].map((match) => match[1] ?? "");
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(readFileSync(new URL(link, folder), "utf8").length).toBeGreaterThan(0);
    }
  });
});
