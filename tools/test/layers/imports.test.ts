import { describe, expect, it } from "vitest";
import { packageFiles, violationsInRepository } from "./fixture-tree.ts";

describe("imports between packages", () => {
  it("refuses one that the table does not allow, with file, line and remedy", () => {
    expect(
      violationsInRepository({
        "packages/fiber/src/clock.ts": '// one\nimport { x } from "@dt/codec";\nexport { x };\n',
      }),
    ).toEqual([
      "packages/fiber/src/clock.ts:2: import: @dt/fiber may not import @dt/codec; " +
        "move what is needed to a package below (allowed: none)",
    ]);
  });

  it.each([
    ["import type", 'import type { X } from "@dt/kv"; export type Y = X;'],
    ["export from", 'export { X } from "@dt/kv";'],
    ["export all", 'export * from "@dt/kv";'],
    ["an import for its effect", 'import "@dt/kv";'],
    ["a dynamic import", 'export const load = () => import("@dt/kv");'],
    ["a dynamic import of a plain template", "export const load = () => import(`@dt/kv`);"],
    ["a type import inside a type", 'export type X = import("@dt/kv").X;'],
    ["import equals", 'import kv = require("@dt/kv"); export { kv };'],
    ["a subpath", 'export { X } from "@dt/kv/testing";'],
  ])("sees %s", (_, text) => {
    expect(violationsInRepository({ "packages/codec/src/index.ts": text })).toEqual([
      expect.stringContaining("packages/codec/src/index.ts:1: import: "),
    ]);
  });

  it("ignores comments, strings and other packages' names", () => {
    const text = [
      '// import { x } from "@dt/kv";',
      '/* export * from "@dt/kv"; */',
      "export const a = 'import { x } from \"@dt/kv\"';",
      'import pino from "pino"; import { join } from "node:path"; export { pino, join };',
    ].join("\n");
    expect(violationsInRepository({ "packages/codec/src/index.ts": text })).toEqual([]);
  });

  it("reads built and declared files as nothing", () => {
    expect(
      violationsInRepository({
        "packages/codec/dist/src/index.js": 'export * from "@dt/kv";',
        "packages/codec/src/index.d.ts": 'export * from "@dt/kv";',
      }),
    ).toEqual([]);
  });

  it("allows rpc in raft from the transport and the client only", () => {
    const text = 'export { Connection } from "@dt/rpc";';
    expect(
      violationsInRepository({
        "packages/raft/src/transport/peer.ts": text,
        "packages/raft/src/client/client.ts": text,
      }),
    ).toEqual([]);
    expect(violationsInRepository({ "packages/raft/src/log/log.ts": text })).toEqual([
      "packages/raft/src/log/log.ts:1: import: only src/transport and src/client of @dt/raft " +
        "may import @dt/rpc; move the code there, or hide it behind an interface",
    ]);
  });

  it("lets a test import what the sources may not", () => {
    const text = 'import { x } from "@dt/fiber"; import { it } from "vitest"; it(x, x);';
    expect(
      violationsInRepository({
        ...packageFiles("packages/rpc", { dependencies: ["codec"], devDependencies: ["fiber"] }),
        "packages/rpc/src/frame.test.ts": text,
        "packages/rpc/test/property/frame.test.ts": text,
      }),
    ).toEqual([]);
  });

  it.each(["packages/raft/src/core/step.test.ts", "packages/raft/test/restart.ts"])(
    "refuses a cycle through %s",
    (file) => {
      expect(
        violationsInRepository({ [file]: '\nimport { open } from "@dt/raft-log-file"; open();' }),
      ).toEqual([
        `${file}:2: test-cycle: @dt/raft-log-file is built on @dt/raft, so the tests here ` +
          "may not use it; move this test to @dt/raft-log-file",
      ]);
    },
  );

  it("refuses an app in a package's test", () => {
    expect(
      violationsInRepository({ "packages/kv/test/e2e.test.ts": 'import "@dt/server";' }),
    ).toEqual([expect.stringContaining("test-cycle")]);
  });

  it("lets a package import itself by name", () => {
    expect(
      violationsInRepository({ "packages/raft/test/a.test.ts": 'import "@dt/raft/testing";' }),
    ).toEqual([]);
  });

  it("lets apps and tools import everything", () => {
    const text = 'import "@dt/raft"; import "@dt/rpc";';
    expect(
      violationsInRepository({
        "apps/bench/package.json": "{}",
        "apps/bench/src/main.ts": text,
        "tools/package.json": "{}",
        "tools/src/main.ts": text,
      }),
    ).toEqual([]);
  });
});

describe("reaching around the entry points", () => {
  it.each(["@dt/codec/dist/src/index.js", "@dt/codec/src/frame.ts"])("refuses %s", (specifier) => {
    const violation = [expect.stringMatching(/:1: deep-import: .*export there what is missing$/)];
    const text = `export * from "${specifier}";`;
    expect(violationsInRepository({ "packages/rpc/src/a.ts": text })).toEqual(violation);
    expect(violationsInRepository({ "packages/rpc/test/a.test.ts": text })).toEqual(violation);
    expect(
      violationsInRepository({ "apps/cli/package.json": "{}", "apps/cli/src/a.ts": text }),
    ).toEqual(violation);
  });

  it("refuses a relative import that leaves the package, in tests and apps too", () => {
    const violation = [
      expect.stringMatching(/:1: package-escape: .*import the package by its name/),
    ];
    expect(
      violationsInRepository({
        "packages/rpc/src/a.ts": 'export * from "../../codec/src/index.ts";',
      }),
    ).toEqual(violation);
    expect(
      violationsInRepository({ "packages/rpc/test/a.ts": 'import "../../codec/test/b.ts";' }),
    ).toEqual(violation);
    expect(
      violationsInRepository({
        "apps/cli/package.json": "{}",
        "apps/cli/src/a.ts": 'import "../../server/src/index.ts";',
      }),
    ).toEqual(violation);
  });

  it("allows relative imports inside the package", () => {
    expect(
      violationsInRepository({
        "packages/rpc/test/deep/a.ts": 'import "../../src/client/b.ts"; import "./c.ts";',
      }),
    ).toEqual([]);
  });
});

it("reports a source that cannot be parsed", () => {
  expect(violationsInRepository({ "packages/codec/src/index.ts": "export const = ;" })).toEqual([
    expect.stringMatching(/^packages\/codec\/src\/index\.ts:1: parse: /),
  ]);
});
