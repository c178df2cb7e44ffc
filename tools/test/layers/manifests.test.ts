import { describe, expect, it } from "vitest";
import { packageFiles, references, violationsInRepository, violationsOf } from "./fixture-tree.ts";

describe("manifests", () => {
  it("accepts the whole table", () => {
    expect(violationsInRepository({})).toEqual([]);
  });

  it("lets a package depend on less than the table allows", () => {
    expect(violationsOf(packageFiles("packages/kv"))).toEqual([]);
  });

  it("refuses a dependency that the table does not allow", () => {
    const [violation, ...rest] = violationsInRepository(
      packageFiles("packages/rpc", { dependencies: ["codec", "fiber"] }),
    );
    expect(rest).toEqual([]);
    expect(violation).toBe(
      "packages/rpc/package.json:5: dependency: @dt/rpc may not depend on @dt/fiber; remove it, " +
        "or move what is needed to a package below (allowed: codec)",
    );
  });

  it("refuses a peer dependency that the table does not allow", () => {
    expect(
      violationsInRepository(packageFiles("packages/codec", { peerDependencies: ["fiber"] })),
    ).toEqual([expect.stringContaining("packages/codec/package.json:6: dependency: ")]);
  });

  it("lets tests use a package that the sources may not use", () => {
    expect(
      violationsInRepository(
        packageFiles("packages/rpc", { dependencies: ["codec"], devDependencies: ["fiber"] }),
      ),
    ).toEqual([]);
  });

  it("refuses a development dependency that closes a cycle, also through other packages", () => {
    expect(
      violationsInRepository(packageFiles("packages/codec", { devDependencies: ["kv"] })),
    ).toEqual([expect.stringMatching(/^packages\/codec\/package\.json:5: test-cycle: .*move/)]);
  });

  it("refuses a package that the table does not list", () => {
    expect(violationsOf(packageFiles("packages/mq"))).toEqual([
      "packages/mq/package.json:1: unlisted-package: @dt/mq is not in the import table; " +
        "add it to tools/src/layers/import-table.ts",
    ]);
  });

  it("wants a reference for every dependency", () => {
    expect(violationsInRepository({ "packages/rpc/tsconfig.json": references([]) })).toEqual([
      "packages/rpc/package.json:4: reference: depends on packages/codec, " +
        "but packages/rpc/tsconfig.json has no reference to it; add one",
    ]);
  });

  it("wants a dependency for every reference", () => {
    expect(
      violationsInRepository({ "packages/fiber/tsconfig.json": references(["../codec"]) }),
    ).toEqual([
      expect.stringMatching(/^packages\/fiber\/tsconfig\.json:4: reference: .*remove it/),
    ]);
  });

  it("lets an app depend on everything, with references", () => {
    const app = {
      "apps/server/package.json":
        '{\n"dependencies": {\n"@dt/kv": "workspace:^",\n"@dt/rpc": "workspace:^"}}',
      "apps/server/tsconfig.json": references(["../../packages/kv", "../../packages/rpc"]),
    };
    expect(violationsInRepository(app)).toEqual([]);
    expect(
      violationsInRepository({
        ...app,
        "apps/server/tsconfig.json": references(["../../packages/kv"]),
      }),
    ).toEqual([expect.stringContaining("apps/server/package.json:4: reference: ")]);
  });
});
