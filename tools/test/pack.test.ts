import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "@dt/raft/testing";
import { afterAll, beforeAll, describe, test } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const PACKAGES = ["codec", "fiber", "rpc", "raft", "raft-log-file", "kv"];

/** What a user gets: each package packed as it would be published, unpacked outside of the workspace. */
let scratch = "";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "dt-pack-"));
  for (const name of PACKAGES) {
    pack(name);
  }
}, 120_000);

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function pack(name: string): void {
  const directory = join(scratch, "packed", name);
  mkdirSync(directory, { recursive: true });
  execFileSync(join(root, "node_modules/.bin/pnpm"), ["pack", "--pack-destination", directory], {
    cwd: join(root, "packages", name),
    stdio: "pipe",
  });
  const [tarball = ""] = readdirSync(directory);
  execFileSync("tar", ["-xzf", join(directory, tarball), "-C", directory]);
}

/** An empty project with only these packages, and what they depend on from elsewhere. */
function project(title: string, names: readonly string[]): string {
  const directory = join(scratch, title);
  mkdirSync(join(directory, "node_modules", "@dt"), { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  for (const name of names) {
    const source = join(scratch, "packed", name, "package");
    symlinkSync(source, join(directory, "node_modules", "@dt", name));
  }
  for (const name of names) {
    const nodeModules = join(scratch, "packed", name, "package", "node_modules");
    mkdirSync(join(nodeModules, "@dt"), { recursive: true });
    for (const [dependency, range] of Object.entries(manifest(name).dependencies ?? {})) {
      const own = dependency.startsWith("@dt/") ? dependency.slice(4) : null;
      assert.ok(own === null || names.includes(own), `${name} needs ${dependency}`);
      assert.doesNotMatch(range, /workspace|catalog/, `${name} -> ${dependency}`);
      const target =
        own === null
          ? realpathSync(join(root, "packages", name, "node_modules", dependency))
          : join(scratch, "packed", own, "package");
      symlinkIfMissing(target, join(nodeModules, dependency));
    }
  }
  return directory;
}

function symlinkIfMissing(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
      throw error;
    }
  }
}

function manifest(name: string): Manifest {
  const path = join(scratch, "packed", name, "package", "package.json");
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}

function run(directory: string, file: string, ...args: string[]): string {
  return execFileSync(process.execPath, [file, ...args], {
    cwd: directory,
    encoding: "utf8",
    timeout: 30_000,
  });
}

/** The first TypeScript block below "## Example" of a package's README. */
function readmeExample(name: string): string {
  const readme = readFileSync(join(scratch, "packed", name, "package", "README.md"), "utf8");
  const example = readme.slice(readme.indexOf("## Example"));
  const code = /```ts\n([\s\S]*?)```/.exec(example)?.[1];
  assert.ok(code, `the README of ${name} has an example`);
  return code;
}

describe("packed packages", () => {
  test("carry code, types, README and licence, and no tests or sources", () => {
    for (const name of PACKAGES) {
      const files = readdirSync(join(scratch, "packed", name, "package"), {
        recursive: true,
        encoding: "utf8",
      }).filter((file) => !file.startsWith("node_modules"));
      for (const wanted of ["package.json", "README.md", "LICENSE", "dist/src/index.js"]) {
        assert.ok(files.includes(wanted), `${name}: ${wanted}`);
      }
      const strange = files.filter(
        (file) =>
          /\.test\.|\.kit\.|(?<!\.d)\.ts$|tsbuildinfo/.test(file) || /^(src|test)\b/.test(file),
      );
      assert.deepEqual(strange, [], name);
    }
  });

  test("the example of @dt/rpc runs with @dt/rpc and @dt/codec alone", () => {
    const directory = project("rpc-user", ["codec", "rpc"]);
    writeFileSync(join(directory, "example.ts"), readmeExample("rpc"));
    assert.notEqual(run(directory, "example.ts").trim(), "");
  });

  test("every example of @dt/rpc runs with @dt/rpc and @dt/codec alone", () => {
    const directory = project("rpc-examples", ["codec", "rpc"]);
    cpSync(join(root, "packages/rpc/examples"), join(directory, "examples"), { recursive: true });
    for (const example of [
      "archive",
      "echo",
      "server-push",
      "chat",
      "custom-auth",
      "http-server",
    ]) {
      assert.notEqual(run(directory, `examples/${example}.ts`).trim(), "", example);
    }
  });

  test("a durable counter runs with @dt/raft and @dt/raft-log-file, and finds its data again", async () => {
    const directory = project("raft-user", ["codec", "fiber", "rpc", "raft", "raft-log-file"]);
    const example = join(root, "packages/raft-log-file/examples/durable-counter.ts");
    copyFileSync(example, join(directory, "counter.ts"));
    const args = ["./data", String((await freePorts(1))[0])] as const;
    assert.equal(run(directory, "counter.ts", ...args).trim(), "7");
    assert.equal(run(directory, "counter.ts", ...args).trim(), "14");
  });
});
