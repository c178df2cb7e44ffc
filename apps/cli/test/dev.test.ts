import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { dt, DtProcess } from "./run-dt.kit.ts";

const PAUSE_MS = 20;
/** Far more than anything takes, because a machine may stand still for a while. */
const PATIENCE_MS = 60_000;

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

async function until<T>(what: () => string, probe: () => T | null): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = probe();
    if (value !== null) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${PATIENCE_MS} ms: ${what()}`);
    }
    await delay(PAUSE_MS);
  }
}

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "dt-dev-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface DevNode {
  readonly nodeId: number;
  readonly address: string;
  readonly port: number;
  readonly pid: number;
}

/** `dt dev` in a directory of its own, from the moment when it says that it serves. */
class Dev {
  readonly process: DtProcess;
  nodes: DevNode[] = [];

  constructor(cwd: string, argv: readonly string[] = []) {
    this.process = new DtProcess(["dev", ...argv], { cwd });
  }

  static async start(cwd: string, argv: readonly string[] = []): Promise<Dev> {
    const dev = new Dev(cwd, argv);
    await until(
      () => `the cluster serves\n${dev.process.stdout}${dev.process.stderr}`,
      () => (dev.process.stdout.includes("cluster status") ? true : null),
    );
    dev.nodes = [...dev.process.stdout.matchAll(/^node (\d+) {2}(\S+:(\d+)) {2}pid (\d+)/gmu)].map(
      ([, nodeId, address = "", port, pid]) => ({
        nodeId: Number(nodeId),
        address,
        port: Number(port),
        pid: Number(pid),
      }),
    );
    return dev;
  }

  /** The commands that it suggests. */
  get commands(): string[] {
    return [...this.process.stdout.matchAll(/^ {2}npx dt (.*)$/gmu)].map(([, text = ""]) => text);
  }

  async stop(signal: NodeJS.Signals): Promise<number | string> {
    this.process.kill(signal);
    return this.process.exit;
  }

  get alive(): DevNode[] {
    return this.nodes.filter(({ pid }) => isAlive(pid));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: no such process.
    return false;
  }
}

describe("dt dev", () => {
  it("runs three processes, suggests three commands that work, survives a crash, stops on Ctrl-C", async () => {
    const cwd = emptyDirectory();
    const dev = await Dev.start(cwd, ["--port", "21001"]);
    expect(dev.nodes.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
    expect(new Set(dev.nodes.map(({ pid }) => pid)).size).toBe(3);
    expect(dev.alive).toHaveLength(3);
    expect(dev.commands).toHaveLength(3);
    for (const command of dev.commands) {
      const { code, stderr } = await dt(command.split(" "), { cwd });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    }
    expect(dev.process.stderr).toBe("");

    process.kill(dev.nodes[0]?.pid ?? 0, "SIGKILL");
    await until(
      () => `the report of the crash\n${dev.process.stderr}`,
      () => (dev.process.stderr.includes("npx dt server --config") ? true : null),
    );
    expect(dev.process.stderr).toContain("node 1 was ended by SIGKILL; the other nodes go on");
    expect((await dt(["kv", "put", "after", "crash"], { cwd })).code).toBe(0);
    expect(dev.alive).toHaveLength(2);

    expect(await dev.stop("SIGINT")).toBe(0);
    expect(dev.alive).toEqual([]);
  });

  it("finds its data and its ports again, once at a time and in the same size", async () => {
    const cwd = emptyDirectory();
    const first = await Dev.start(cwd, ["--nodes", "1", "--port", "22001"]);
    expect((await dt(["kv", "put", "kept", "yes"], { cwd })).code).toBe(0);
    expect(await first.stop("SIGTERM")).toBe(0);
    const second = await Dev.start(cwd);
    expect(second.nodes.map(({ address }) => address)).toEqual(
      first.nodes.map(({ address }) => address),
    );
    expect((await dt(["kv", "get", "kept"], { cwd })).stdout).toBe("yes");

    const twice = await new DtProcess(["dev"], { cwd }).finished();
    expect(twice.code).toBe(1);
    expect(twice.stderr).toContain("DT_SERVER_RUNNING");
    expect(await second.stop("SIGINT")).toBe(0);
    const larger = await new DtProcess(["dev", "--nodes", "3"], { cwd }).finished();
    expect(larger.code).toBe(1);
    expect(larger.stderr).toContain("DT_SERVER_NODE_COUNT");
  });

  it("takes another port when one is taken, in a directory of one's choice", async () => {
    const cwd = emptyDirectory();
    const thief = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void thief.close());
    await once(thief, "listening");
    const address = thief.address();
    const taken = address !== null && typeof address === "object" ? address.port : 0;
    const argv = ["--nodes", "1", "--data", "my-data", "--port", `${taken}`];
    const dev = await Dev.start(cwd, argv);
    const [node] = dev.nodes;
    expect(node?.port).toBeGreaterThan(taken);
    expect(dev.commands.every((command) => command.endsWith(`--endpoints ${node?.address}`))).toBe(
      true,
    );
    for (const command of dev.commands) {
      expect((await dt(command.split(" "), { cwd })).code).toBe(0);
    }
    expect(await dev.stop("SIGINT")).toBe(0);
  });

  it("ends with 1 when all of its nodes have ended", async () => {
    const dev = await Dev.start(emptyDirectory(), ["--nodes", "1"]);
    process.kill(dev.nodes[0]?.pid ?? 0, "SIGKILL");
    expect(await dev.process.exit).toBe(1);
    expect(dev.process.stderr).toContain("DT_CLI_CLUSTER_ENDED");
  });

  it("leaves no process behind when it is killed", async () => {
    const dev = await Dev.start(emptyDirectory(), ["--nodes", "1"]);
    await dev.stop("SIGKILL");
    await until(
      () => "no server is left",
      () => (dev.alive.length === 0 ? true : null),
    );
  });

  it("stops while it starts, with nothing left", async () => {
    const cwd = emptyDirectory();
    const dev = new Dev(cwd);
    const log = join(cwd, ".dt-data", "node-1", "server.log");
    const pid = await until(
      () => "the first node has started",
      () => pidIn(log),
    );
    expect(await dev.stop("SIGINT")).toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(dev.process.stderr).toBe("");
  });
});

/** The process id in the first line of a server's log; null while there is none. */
function pidIn(log: string): number | null {
  let text: string;
  try {
    text = readFileSync(log, "utf8");
  } catch {
    // Not made yet.
    return null;
  }
  const pid = /"pid":(\d+)/u.exec(text)?.[1];
  return pid === undefined ? null : Number(pid);
}
