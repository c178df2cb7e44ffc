import { describe, expect, it } from "vitest";
import { violationsInRepository } from "./fixture-tree.ts";

function importFrom(area: string, specifier: string): string[] {
  return violationsInRepository({
    [`packages/raft/src/${area}/file.ts`]: `import { x } from "${specifier}";\nx();\n`,
  });
}

describe("areas of raft", () => {
  it.each([
    ["core", "./other.ts"],
    ["core", "../entry/entry.ts"],
    ["core", "../entry.ts"],
    ["core", "@dt/codec"],
    ["node", "../core/step.ts"],
    ["node", "../entry/entry.ts"],
    ["node", "../log/log.ts"],
    ["node", "@dt/fiber"],
    ["node", "node:timers"],
    ["transport", "../node/node.ts"],
    ["transport", "../core/step.ts"],
    ["transport", "../entry/entry.ts"],
    ["transport", "../gen/raft.ts"],
    ["transport", "@dt/rpc"],
    ["client", "../transport/peer.ts"],
    ["testing", "../node/node.ts"],
  ])("%s may import %s", (area, specifier) => {
    expect(importFrom(area, specifier)).toEqual([]);
  });

  it.each([
    ["core", "../node/node.ts", "area-import"],
    ["core", "../transport/peer.ts", "area-import"],
    ["core", "../log/log.ts", "area-import"],
    ["core", "../index.ts", "area-import"],
    ["core", "node:crypto", "area-import"],
    ["core", "@dt/fiber", "area-import"],
    ["core", "@dt/rpc", "area-import"],
    ["core", "protobufjs", "area-import"],
    ["node", "../transport/peer.ts", "area-import"],
    ["node", "../client/client.ts", "area-import"],
    ["node", "../index.ts", "area-import"],
    ["node", "@dt/rpc", "import"],
    ["transport", "../client/client.ts", "area-import"],
  ])("%s may not import %s", (area, specifier, rule) => {
    expect(importFrom(area, specifier)).toEqual([
      expect.stringContaining(`packages/raft/src/${area}/file.ts:1: ${rule}: `),
    ]);
  });

  it("says what is allowed", () => {
    expect(importFrom("core", "../node/node.ts")).toEqual([
      "packages/raft/src/core/file.ts:1: area-import: src/core may not import src/node; " +
        "turn the dependency around, or move what is needed (allowed: core, entry)",
    ]);
  });

  it("leaves tests beside the sources free", () => {
    expect(
      violationsInRepository({
        "packages/raft/src/core/step.test.ts":
          'import "node:fs"; import "../node/node.ts"; it("", async () => { await Math.random(); });',
      }),
    ).toEqual([]);
  });
});

describe("purity of the core", () => {
  it.each([
    ["async function f() {}", "an async function"],
    ["const f = async () => 1;", "an async function"],
    ["class A { async m() {} }", "an async function"],
    ["const o = { async m() {} };", "an async function"],
    ["function* f() {}", "a generator"],
    ["class A { *m() {} }", "a generator"],
    ["Math.random();", "Math.random"],
    ['Math["random"]();', "Math.random"],
    ["const f = Math.random;", "Math.random"],
    ["Math?.random();", "Math.random"],
    ["const { random } = Math;", "Math taken apart or renamed"],
    ["const m = Math;", "Math taken apart or renamed"],
    ["await x;", "await"],
    ["for await (const a of b) {}", "for await"],
  ])("refuses %s", (text, construct) => {
    const violations = violationsInRepository({
      "packages/raft/src/core/step.ts": `export {};\n${text}\n`,
    });
    expect(violations).toContainEqual(
      expect.stringContaining(
        `packages/raft/src/core/step.ts:2: purity: ${construct} in raft/src/core`,
      ),
    );
  });

  it("allows the rest of Math, and names that only look alike", () => {
    const text = [
      "export const a = Math.max(1, 2);",
      'export const b = "async function* Math.random()"; // async Math.random',
      "export const c = { async: 1, random: 2 };",
      "export const d = c.random;",
    ].join("\n");
    expect(violationsInRepository({ "packages/raft/src/core/step.ts": text })).toEqual([]);
  });

  it("holds for the core only", () => {
    const text = "export async function* f() { yield Math.random(); }";
    expect(violationsInRepository({ "packages/raft/src/node/node.ts": text })).toEqual([]);
    expect(violationsInRepository({ "packages/kv/src/core/a.ts": text })).toEqual([]);
  });
});
