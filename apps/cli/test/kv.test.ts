import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startCluster } from "@dt/server";
import type { Cluster } from "@dt/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { CliExit } from "../src/exit-code.ts";
import { dt as run, DtProcess } from "./run-dt.kit.ts";
import type { RunOptions } from "./run-dt.kit.ts";

const FIXTURE = fileURLToPath(new URL("../../test/fixtures/shop.yaml", import.meta.url));

let directory = "";
let cluster: Cluster;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dt-cli-kv-"));
  cluster = await startCluster({
    directory: join(directory, "cluster"),
    nodeCount: 3,
    settings: {
      raft: {
        electionTimeoutMinMs: 300,
        electionTimeoutMaxMs: 600,
        heartbeatMs: 60,
        tickMs: 20,
      },
    },
  });
});

afterAll(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
});

function env(): NodeJS.ProcessEnv {
  return { DT_ENDPOINTS: cluster.endpoints };
}

/** YAML of few lines with a leaf that stands in it a thousand million times. */
function manyCopies(leaf: string): string {
  const lines = [`a0: &a0 ${leaf}`];
  for (let i = 1; i <= 9; i++) {
    lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]`);
  }
  return `${lines.join("\n")}\n`;
}

function dt(argv: readonly string[], options: RunOptions = {}) {
  return run(argv, { cwd: directory, ...options, env: { ...env(), ...options.env } });
}

describe("put, get and del", () => {
  it("store, print and delete a value", async () => {
    const put = await dt(["kv", "put", "basic/key", "value"]);
    expect(put.stdout).toMatch(/^revision \d+\n$/u);
    expect(await dt(["kv", "get", "basic/key"])).toMatchObject({ code: 0, stdout: "value" });
    expect((await dt(["kv", "del", "basic/key"])).code).toBe(CliExit.ok);
    const gone = await dt(["kv", "get", "basic/key"]);
    expect(gone.code).toBe(CliExit.notFound);
    expect(gone.stderr).toContain("DT_CLI_NOT_FOUND: nothing is stored at basic/key");
    expect((await dt(["kv", "del", "basic/key"])).code).toBe(CliExit.notFound);
  });

  it("take a value from the standard input and from a file, byte for byte", async () => {
    await dt(["kv", "put", "input/stdin", "-"], { stdin: "two\nlines\n" });
    expect((await dt(["kv", "get", "input/stdin"])).stdout).toBe("two\nlines\n");
    const bytes = Buffer.from([0, 1, 0xff, 0x0a]);
    writeFileSync(join(directory, "bytes"), bytes);
    await dt(["kv", "put", "input/file", "--file", "bytes"]);
    const got = await dt(["kv", "get", "input/file", "-o", "json"]);
    expect(JSON.parse(got.stdout)).toMatchObject({ valueBase64: bytes.toString("base64") });
    const missing = await dt(["kv", "put", "input/none", "--file", "none"]);
    expect(missing.code).toBe(CliExit.usage);
    expect(missing.stderr).toContain("DT_CLI_FILE");
  });

  it("describe a value as JSON and as a table", async () => {
    await dt(["kv", "put", "format/key", "tab\there"]);
    const json = JSON.parse(
      (await dt(["kv", "get", "/format/key", "-o", "json"])).stdout,
    ) as object;
    expect(json).toMatchObject({ kind: "value", value: "tab\there", version: 1 });
    const table = (await dt(["kv", "get", "format/key", "-o", "table"])).stdout;
    expect(table).toContain(String.raw`tab\there`);
    expect(table.split("\n")[0]).toMatch(/^KEY\s+VALUE\s+REVISION\s+VERSION\s+UPDATED$/u);
  });

  it("explain a refusal by its code, who leads and what to do", async () => {
    await dt(["kv", "put", "refused/dir/key", "x"]);
    const put = await dt(["kv", "put", "refused/dir", "x"]);
    expect(put.code).toBe(CliExit.failed);
    const leader = await cluster.leader();
    const lines = put.stderr.split("\n");
    expect(lines[0]).toMatch(/^dt: DT_KV_IS_DIRECTORY: /u);
    expect(lines[1]).toContain(`leader: node ${leader?.nodeId} at 127.0.0.1:${leader?.port};`);
    expect(lines[2]).toContain("dt kv list");
    const get = await dt(["kv", "get", "refused/dir"]);
    expect(get.stderr).toContain("DT_CLI_IS_DIRECTORY");
    const full = await dt(["kv", "del", "refused/dir"]);
    expect(full.stderr).toContain("dt kv del --recursive KEY");
    expect((await dt(["kv", "del", "-r", "refused/dir"])).code).toBe(CliExit.ok);
    const slashes = await dt(["kv", "put", "a//b", "x"]);
    expect(slashes.stderr).toContain("DT_KV_KEY_EMPTY_SEGMENT");
  });
});

describe("list", () => {
  it("prints a directory, everything below it, or keys alone", async () => {
    for (const key of ["b", "a/x", "a/y", "c"]) {
      await dt(["kv", "put", `listed/${key}`, key]);
    }
    const children = await dt(["kv", "list", "listed", "-o", "raw"]);
    expect(children.stdout).toBe("listed/a/\nlisted/b\nlisted/c\n");
    const all = await dt(["kv", "list", "-r", "--keys-only", "listed"]);
    expect(all.stdout).toBe("listed/a/\nlisted/a/x\nlisted/a/y\nlisted/b\nlisted/c\n");
    const two = await dt(["kv", "list", "-r", "--limit", "2", "-o", "json", "listed"]);
    expect(JSON.parse(two.stdout)).toMatchObject([
      { key: "listed/a", kind: "directory" },
      { key: "listed/a/x", value: "a/x" },
    ]);
    expect((await dt(["kv", "list", "listed/none"])).code).toBe(CliExit.ok);
    const value = await dt(["kv", "list", "listed/b"]);
    expect(value.stderr).toContain("DT_KV_NOT_DIRECTORY");
  });

  it("goes on over all pages", async () => {
    const tree = Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`key-${i}`, i]));
    const imported = await dt(["kv", "import", "-", "--prefix", "pages", "--format", "json"], {
      stdin: JSON.stringify(tree),
    });
    expect(imported.stdout).toBe("2500 leaves stored\n");
    const { stdout } = await dt(["kv", "list", "pages", "-o", "raw"]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2500);
    const limited = await dt(["kv", "list", "pages", "-o", "raw", "--limit", "1700"]);
    expect(limited.stdout.trimEnd().split("\n")).toHaveLength(1700);
  });
});

describe("cas", () => {
  it("stores only over what is expected", async () => {
    const cas = (...argv: string[]) => dt(["kv", "cas", "swap/key", ...argv, "-o", "raw"]);
    const first = await cas("one", "--expect-absent");
    expect(first.code).toBe(CliExit.ok);
    expect((await cas("two", "--expect-absent")).code).toBe(CliExit.compareFailed);
    expect((await cas("two", "--expect-value", "one")).code).toBe(CliExit.ok);
    const stale = await cas("three", "--expect-revision", first.stdout.trim());
    expect(stale.code).toBe(CliExit.compareFailed);
    expect(stale.stderr).toContain("nothing was changed");
    expect((await dt(["kv", "get", "swap/key"])).stdout).toBe("two");
  });
});

describe("import and export", () => {
  it("bring a real file of more than 1,000 leaves back equal, through the program itself", async () => {
    const options = { cwd: directory, env: env() };
    const imported = await new DtProcess(
      ["kv", "import", FIXTURE, "--prefix", "shop"],
      options,
    ).finished();
    expect(imported).toEqual({ code: 0, stdout: "1662 leaves stored\n", stderr: "" });
    const got = await new DtProcess(["kv", "get", "shop/http/errors/404"], options).finished();
    expect(got).toEqual({ code: 0, stdout: "Nothing here", stderr: "" });
    const argv = ["kv", "export", "out", "--prefix", "shop"];
    const exported = await new DtProcess(argv, options).finished();
    expect(exported.stderr).toBe("");
    const file = join(directory, "out", "tree.yaml");
    expect(exported.stdout).toBe(`1662 leaves written to ${file}\n`);
    const [output = "", input = ""] = [file, FIXTURE].map((name) => readFileSync(name, "utf8"));
    expect(parse(output)).toEqual(parse(input));
    expect(parse(output, { mapAsMap: true })).toEqual(parse(input, { mapAsMap: true }));
  });

  it("show their progress on a terminal, and end a printed value with a line there", async () => {
    const options = { stdin: "a: 1\nb: 2\n", isTerminal: true };
    const imported = await dt(["kv", "import", "-", "--prefix", "seen"], options);
    expect(imported.stderr).toContain("import ");
    expect(imported.stderr).toContain("100% 2/2");
    const exported = await dt(["kv", "export", "-", "--prefix", "seen"], { isTerminal: true });
    expect(exported.stderr).toContain("100% 2/2");
    const got = await dt(["kv", "get", "seen/a"], { isTerminal: true });
    expect(got.stdout).toBe("1\n");
  });

  it("bring JSON back equal, from the standard input to the standard output", async () => {
    const input = { list: [1, "1", null, [], {}], "a/b": { "": true }, long: "x".repeat(5000) };
    await dt(["kv", "import", "-", "--prefix", "json", "--format", "json"], {
      stdin: JSON.stringify(input),
    });
    const { stdout } = await dt(["kv", "export", "-", "--prefix", "json", "--format", "json"]);
    expect(JSON.parse(stdout)).toEqual(input);
    expect((await dt(["kv", "get", "json/list/@1"])).stdout).toBe('"1"');
  });

  it("bring a document of one value back", async () => {
    await dt(["kv", "import", "-", "--prefix", "single"], { stdin: "just this\n" });
    expect((await dt(["kv", "get", "single"])).stdout).toBe("just this");
    const { stdout } = await dt(["kv", "export", "-", "--prefix", "single"]);
    expect(parse(stdout)).toBe("just this");
  });

  it("name every problem of a document, and then store nothing of it", async () => {
    const big = "x".repeat((1 << 20) + 1);
    const stdin = JSON.stringify({ fine: 1, big, ["k".repeat(9000)]: 1, bad: "\ud800" });
    const argv = ["kv", "import", "-", "--prefix", "problems", "--format", "json"];
    const { code, stderr } = await dt(argv, { stdin });
    expect(code).toBe(CliExit.usage);
    expect(stderr).toContain("problems/big: the value is larger than 1048576 bytes");
    expect(stderr).toContain("the key is longer than 8192 bytes");
    expect(stderr).toContain("problems/bad: the text is not valid Unicode");
    expect((await dt(["kv", "get", "problems/fine"])).code).toBe(CliExit.notFound);
  });

  it.each([
    ["yaml", "a: [1\nb: }", /line 2, column \d+/u],
    ["yaml", "a: !secret x\n", /Unresolved tag/u],
    ["yaml", "a: 1\n---\nb: 2\n", /multiple documents/u],
    ["yaml", "? {a: 1}\n: 2\n", /line 1: a map or a list cannot be a key/u],
    ["yaml", "a: 1\nb: 2\na: 3\n", /line 3: the key a is given twice/u],
    ["yaml", "a: &a [*a]\n", /an alias stands inside of what it is an alias of/u],
    ["yaml", "a: *nothing\n", /line 1: the alias \*nothing stands for nothing/u],
    ["yaml", "1e20: a\n100000000000000000000: b\n", /two keys of the document are stored here/u],
    ["json", '{"a": }', /not JSON/u],
  ])("refuse %s that is not a tree: %j", async (format, stdin, message) => {
    const argv = ["kv", "import", "-", "--prefix", "broken", "--format", format];
    const { code, stderr } = await dt(argv, { stdin });
    expect(code).toBe(CliExit.usage);
    expect(stderr).toMatch(message);
  });

  it.each([
    ["values", "x", /the document has more than 1000000 leaves/u],
    ["what cannot be stored", String.raw`"\ud800"`, /the text is not valid Unicode/u],
    ["what cannot be read", "!!binary eA==", /this type of value is not supported/u],
  ])("refuse aliases that make a thousand million of %s", async (_name, leaf, message) => {
    const argv = ["kv", "import", "-", "--prefix", "copies"];
    const { code, stderr } = await dt(argv, { stdin: manyCopies(leaf) });
    expect(code).toBe(CliExit.usage);
    expect(stderr).toMatch(message);
  });

  it("say which leaves were refused, and that the others are stored", async () => {
    await dt(["kv", "put", "mixed/a", "a value where the document has a map"]);
    const stdin = "a: { b: 1 }\nc: 2\n";
    const { code, stderr } = await dt(["kv", "import", "-", "--prefix", "mixed"], { stdin });
    expect(code).toBe(CliExit.failed);
    expect(stderr).toContain("1 leaves are stored, 1 were refused");
    expect(stderr).toContain("mixed/a/b: DT_KV_PARENT_IS_VALUE");
    expect((await dt(["kv", "get", "mixed/c"])).stdout).toBe("2");
  });

  it("do not write what makes no document", async () => {
    await dt(["kv", "put", "odd/list/@0", "item"]);
    await dt(["kv", "put", "odd/list/name", "key"]);
    await dt(["kv", "put", "odd/bytes", "-"], { stdin: Buffer.from([0xff]) });
    const { code, stderr } = await dt(["kv", "export", "odd", "--prefix", "odd"]);
    expect(code).toBe(CliExit.usage);
    expect(stderr).toContain("odd/list: holds both items of a list");
    expect(stderr).toContain("odd/bytes: the value is not text");
    const nothing = await dt(["kv", "export", "odd", "--prefix", "never/stored"]);
    expect(nothing.code).toBe(CliExit.notFound);
  });

  it("do not write to JSON what it has no word for", async () => {
    await dt(["kv", "import", "-", "--prefix", "infinite"], { stdin: "a: [.inf]\n" });
    const argv = ["kv", "export", "-", "--prefix", "infinite"];
    expect((await dt([...argv, "--format", "json"])).stderr).toContain("a[0]: JSON has no .inf");
    expect((await dt(argv)).stdout).toBe("a:\n  - .inf\n");
  });
});

describe("a prefix with two slashes", () => {
  it.each([
    ["import", "-"],
    ["export", "-"],
  ])("is refused like any key with an empty name: %s", async (command, file) => {
    await dt(["kv", "put", "slashes/host", "here"]);
    const argv = ["kv", command, file, "--prefix", "//slashes"];
    const { code, stdout, stderr } = await dt(argv, { stdin: "host: there\n" });
    expect([code, stdout]).toEqual([CliExit.failed, ""]);
    expect(stderr).toContain("DT_KV_KEY_EMPTY_SEGMENT");
    expect((await dt(["kv", "get", "slashes/host"])).stdout).toBe("here");
  });
});

describe("cluster status", () => {
  it("shows every node, as a table and as JSON", async () => {
    const leader = await cluster.leader();
    const table = await dt(["cluster", "status"]);
    expect(table.code).toBe(CliExit.ok);
    const lines = table.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^NODE\s+ADDRESS\s+ROLE\s+TERM\s+COMMIT\s+APPLIED\s+LAST\s+LEADER$/u);
    expect(lines.filter((line) => / leader /u.test(line))).toHaveLength(1);
    const json = JSON.parse((await dt(["cluster", "status", "-o", "json"])).stdout) as object;
    expect(json).toMatchObject({
      leader: { nodeId: leader?.nodeId },
      nodes: [{ nodeId: 1 }, { nodeId: 2 }, { nodeId: 3 }],
    });
  });

  it("shows a node that is gone", async () => {
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader);
    await follower?.kill();
    const { code, stdout } = await dt(["cluster", "status"]);
    expect(code).toBe(CliExit.ok);
    expect(stdout).toContain("unreachable: DT_RPC_CONNECT");
    await follower?.start();
    await cluster.waitUntilServing();
  });
});

describe("cluster snapshot", () => {
  it("has every node take one, and says what it stands for", async () => {
    const { code, stdout } = await dt(["cluster", "snapshot", "-o", "json"]);
    expect(code).toBe(CliExit.ok);
    const answers = JSON.parse(stdout) as { index: number; bytes: number; reason: string }[];
    expect(answers).toHaveLength(3);
    for (const { index, bytes, reason } of answers) {
      expect([index > 0, bytes > 0, reason]).toEqual([true, true, ""]);
    }
  });

  it("names the nodes that did not, and fails", async () => {
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader);
    await follower?.kill();
    const { code, stdout } = await dt(["cluster", "snapshot"]);
    expect(code).toBe(CliExit.failed);
    expect(stdout).toContain("failed:");
    expect(stdout.trimEnd().split("\n")).toHaveLength(4);
    await follower?.start();
    await cluster.waitUntilServing();
  });
});
