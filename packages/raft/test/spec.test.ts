import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const SPEC = readFileSync(join(ROOT, "packages/raft/SPEC.md"), "utf8");

/** Id of a scenario and what the list says about it. */
const LISTED = new Map(
  [...SPEC.matchAll(/^\| ([ERQSMTBCXV]\d+) \| (.+) \|$/gmu)].map(([, id = "", where = ""]) => [
    id,
    where,
  ]),
);

/** Files whose tests, or which as scripts, are named by an id. */
function filesById(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const note = (id: string, file: string): void => {
    found.set(id, (found.get(id) ?? new Set()).add(file));
  };
  const patterns = ["packages/*/{src,test}/**/*.test.ts", "{apps/*,tools}/{src,test}/**/*.test.ts"];
  for (const file of globSync(patterns, { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, file), "utf8");
    for (const [, id = ""] of text.matchAll(/["'`]([ERQSMTBCXV]\d+) /gu)) {
      note(id, file);
    }
  }
  for (const file of globSync("packages/raft/test/scenario/scripts/*.txt", { cwd: ROOT })) {
    note(basename(file).split("-")[0] ?? "", file);
  }
  return found;
}

/** The path that the list writes short. */
function fullPath(name: string): string {
  if (/^(?:packages|apps|tools)\//u.test(name)) {
    return name;
  }
  const isInPackage = /^(?:src|test)\//u.test(name);
  return `packages/raft/${isInPackage ? "" : "test/scenario/"}${name}`;
}

describe("SPEC.md", () => {
  const found = filesById();

  test("lists every scenario that a test is named by", () => {
    expect([...found.keys()].filter((id) => !LISTED.has(id))).toEqual([]);
    expect(LISTED.size).toBeGreaterThan(100);
  });

  test.each([...LISTED])("%s is where it says", (id, where) => {
    const files = found.get(id) ?? new Set();
    if (where.startsWith("outside: ")) {
      expect([...files]).toEqual([]);
    } else if (!where.startsWith("open: ")) {
      const named = [...where.matchAll(/`([^`]+)`/gu)].map(([, name = ""]) => fullPath(name));
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((name) => !files.has(name))).toEqual([]);
    }
  });

  test("names only files that there are", () => {
    const names = [...SPEC.matchAll(/`((?:src|test|tools|packages)\/[\w./-]+\.(?:ts|txt))`/gu)];
    const missing = names
      .map(([, name = ""]) => fullPath(name))
      .filter((path) => globSync(path, { cwd: ROOT }).length === 0);
    expect(missing).toEqual([]);
  });
});
