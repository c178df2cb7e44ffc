import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { dt, DtProcess } from "./run-dt.kit.ts";

/** Nobody listens on this port of the loopback interface. */
const NOBODY = "127.0.0.1:1";

describe("arguments", () => {
  it.each([
    ["no command", [], "Usage: dt"],
    ["an unknown command", ["kw"], "unknown command 'kw'"],
    ["a group without a command", ["kv"], "Usage: dt kv"],
    ["an unknown option", ["kv", "get", "a", "--fresh"], "unknown option '--fresh'"],
    ["a missing argument", ["kv", "put"], "missing required argument 'key'"],
    ["an argument too many", ["kv", "get", "a", "b"], "too many arguments"],
    ["an output that there is not", ["kv", "get", "a", "-o", "xml"], "Allowed choices are"],
    ["a limit that is no number", ["kv", "list", "--limit", "few"], "Not a positive integer"],
    ["too many nodes", ["dev", "--nodes", "10"], "At most 9"],
    ["a port that there is not", ["dev", "--port", "70000"], "At most 65535"],
  ])("are refused with 2 for %s", async (_name, argv, message) => {
    const { code, stdout, stderr } = await dt(argv);
    expect(stderr + stdout).toContain(message);
    expect(code).toBe(CliExit.usage);
  });

  it.each([
    ["neither a value nor a file", ["kv", "put", "a"]],
    ["a value and a file", ["kv", "put", "a", "b", "--file", "c"]],
    ["no expectation", ["kv", "cas", "a", "b"]],
    ["two expectations", ["kv", "cas", "a", "b", "--expect-absent", "--expect-value", "c"]],
  ])("are refused with 2 for %s", async (_name, argv) => {
    const { code, stderr } = await dt([...argv, "--endpoints", NOBODY]);
    expect(stderr).toContain("DT_CLI_USAGE");
    expect(code).toBe(CliExit.usage);
  });

  it("are explained, with every command and the exit codes", async () => {
    const { code, stdout } = await dt(["--help"]);
    expect(code).toBe(CliExit.ok);
    for (const word of ["dev", "server", "kv", "cluster", "log", "bench", "Exit codes"]) {
      expect(stdout).toContain(word);
    }
    const kv = await dt(["kv", "--help"]);
    for (const word of ["put", "get", "del", "list", "cas", "import", "export"]) {
      expect(kv.stdout).toContain(word);
    }
  });
});

describe("a cluster that does not answer", () => {
  it("is reported with its addresses and what to do, and 5", async () => {
    const argv = ["kv", "get", "a", "--endpoints", NOBODY, "--timeout", "300"];
    const { code, stderr } = await dt(argv);
    expect(code).toBe(CliExit.unavailable);
    expect(stderr).toContain("DT_RAFT_NO_LEADER");
    expect(stderr).toContain(
      "leader: none; 0 of 1 nodes answer: DT_RPC_CONNECT (addresses from --endpoints)",
    );
    expect(stderr).toContain("Start one with dt dev");
  });

  it("has a status all the same, and 5", async () => {
    const { code, stdout, stderr } = await dt(["cluster", "status", "--endpoints", NOBODY]);
    expect(code).toBe(CliExit.unavailable);
    expect(stdout).toContain("unreachable: DT_RPC_CONNECT");
    expect(stderr).toContain("no leader; 0 of 1 nodes answer");
  });

  it("shows no stack trace unless DT_DEBUG is set", async () => {
    const argv = ["kv", "get", "a", "--endpoints", NOBODY, "--timeout", "100"];
    expect((await dt(argv)).stderr).not.toContain("    at ");
    expect((await dt(argv, { env: { DT_DEBUG: "1" } })).stderr).toContain("    at ");
  });
});

describe("the addresses of a cluster", () => {
  function directoryWith(clusterFile: string): string {
    const directory = mkdtempSync(join(tmpdir(), "dt-cli-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(join(directory, ".dt-data"));
    writeFileSync(join(directory, ".dt-data", "cluster.json"), clusterFile);
    return directory;
  }

  const FILE = JSON.stringify({
    clusterId: "local-1",
    nodes: [{ nodeId: 1, host: "127.0.0.1", port: 2 }],
  });

  it.each([
    ["--endpoints", ["--endpoints", "127.0.0.1:1"], { DT_ENDPOINTS: "127.0.0.1:9" }, FILE],
    ["DT_ENDPOINTS", [], { DT_ENDPOINTS: "127.0.0.1:1" }, FILE],
    [".dt-data", [], {}, FILE],
  ])("come from %s first", async (from, argv, env, file) => {
    const cwd = directoryWith(file);
    const run = await dt(["kv", "get", "a", "--timeout", "100", ...argv], { cwd, env });
    expect(run.stderr).toContain(`(addresses from ${from})`);
  });

  it("are refused when they are not addresses", async () => {
    const { code, stderr } = await dt(["kv", "get", "a", "--endpoints", "localhost"]);
    expect(code).toBe(CliExit.usage);
    expect(stderr).toContain("DT_CLI_ENDPOINTS");
  });

  it("are refused when the file that names them is damaged", async () => {
    const { code, stderr } = await dt(["kv", "get", "a"], { cwd: directoryWith("{") });
    expect(code).toBe(CliExit.failed);
    expect(stderr).toContain("DT_SERVER_CLUSTER_FILE");
  });
});

describe("the program as a process", () => {
  it("passes exit codes and both outputs on", async () => {
    const help = await new DtProcess(["kv", "get", "--help"]).finished();
    expect(help.code).toBe(CliExit.ok);
    expect(help.stdout).toContain("Usage: dt kv get");
    const wrong = await new DtProcess(["kv", "fetch"]).finished();
    expect(wrong).toMatchObject({ code: CliExit.usage, stdout: "" });
    expect(wrong.stderr).toContain("unknown command 'fetch'");
  });

  it("hands the arguments of dt server to the server", async () => {
    const help = await new DtProcess(["server", "--help"]).finished();
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("usage: dt server --config FILE");
    const missing = await new DtProcess(["server", "--config", "/nowhere.yaml"]).finished();
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain("cannot be read: ENOENT");
  });
});
