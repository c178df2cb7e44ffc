import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { RpcClient, RpcError, scramCredentials } from "@dt/rpc";
import { startCluster } from "@dt/server";
import type { Cluster, ClusterNode } from "@dt/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { Authority } from "./certificates.kit.ts";
import { dt as run } from "./run-dt.kit.ts";

const PAUSE_MS = 20;
/** Far more than anything takes, because a machine may stand still for a while. */
const PATIENCE_MS = 60_000;

vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS });

const authority = await Authority.create();
const directory = mkdtempSync(join(tmpdir(), "dt-secured-"));
let cluster: Cluster;

function file(name: string, text?: string): string {
  const path = join(directory, name);
  if (text !== undefined) {
    writeFileSync(path, text);
  }
  return path;
}

async function writeCertificate(name: string): Promise<void> {
  const { cert, key } = await authority.issue(name);
  file("node.crt", cert);
  file("node.key", key);
}

async function secretLine(user: string, password: string): Promise<string> {
  const { stdout } = await run(["auth", "secret", user], { stdin: `${password}\n` });
  return stdout;
}

function dt(argv: readonly string[], user = "alice") {
  return run(argv, {
    cwd: directory,
    env: {
      DT_ENDPOINTS: cluster.endpoints,
      DT_TLS_CA: "ca.crt",
      DT_USER: user,
      DT_PASSWORD_FILE: `${user}.password`,
    },
  });
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) {
      throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    }
    await delay(PAUSE_MS);
  }
}

beforeAll(async () => {
  file("ca.crt", authority.cert);
  await writeCertificate("first");
  file("alice.password", "wonderland\n");
  file("mallory.password", "wonderlanD\n");
  file("node.password", "between nodes\n");
  file(
    "users",
    (await secretLine("alice", "wonderland")) + (await secretLine("node", "between nodes")),
  );
  cluster = await startCluster({
    directory: join(directory, "cluster"),
    readyTimeoutMs: PATIENCE_MS,
    settings: {
      raft: { electionTimeoutMinMs: 300, electionTimeoutMaxMs: 600, heartbeatMs: 60, tickMs: 20 },
      tls: { certFile: file("node.crt"), keyFile: file("node.key"), caFile: file("ca.crt") },
      auth: {
        usersFile: file("users"),
        self: { user: "node", passwordFile: file("node.password") },
        members: ["scram:node"],
        admins: ["scram:root"],
      },
    },
    connect: {
      tls: { ca: authority.cert },
      auth: scramCredentials("alice", "wonderland"),
    },
  });
});

afterAll(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The common name of the certificate that a node shows. */
async function shownBy({ host, port }: ClusterNode): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ host, port, ca: authority.cert }, () => {
    resolve(String(socket.getPeerCertificate().subject["CN"]));
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

describe("a cluster of three processes over TLS and SCRAM", () => {
  it("elects, replicates and serves who logs in", async () => {
    expect(await dt(["kv", "put", "app/host", "10.0.0.5"])).toMatchObject({ code: 0, stderr: "" });
    expect(await dt(["kv", "get", "app/host"])).toMatchObject({ code: 0, stdout: "10.0.0.5" });
    // A follower hears of a commit with the next message of its leader.
    await until("every node has committed it", async () => {
      const status = await dt(["cluster", "status", "-o", "json"]);
      const { nodes } = JSON.parse(status.stdout) as { nodes: { commitIndex?: number }[] };
      return nodes.length === 3 && nodes.every(({ commitIndex = 0 }) => commitIndex > 1);
    });
  });

  it("goes on when its leader is killed", async () => {
    const leader = await cluster.leader();
    await leader?.kill("SIGKILL");
    expect((await dt(["kv", "put", "app/host", "10.0.0.6"])).code).toBe(0);
    await leader?.start();
    await cluster.waitUntilServing();
    expect((await dt(["kv", "get", "app/host"])).stdout).toBe("10.0.0.6");
  });

  it.each([
    [
      "a wrong password",
      { DT_TLS_CA: "ca.crt", DT_USER: "alice", DT_PASSWORD_FILE: "mallory.password" },
      "DT_RPC_UNAUTHENTICATED",
    ],
    [
      "an unknown user",
      { DT_TLS_CA: "ca.crt", DT_USER: "mallory", DT_PASSWORD_FILE: "mallory.password" },
      "DT_RPC_UNAUTHENTICATED",
    ],
    ["no login", { DT_TLS_CA: "ca.crt" }, "DT_RPC_UNAUTHENTICATED"],
    ["no TLS", {}, "DT_RPC_"],
  ])("says why it does not serve %s", async (_name, env, code) => {
    const { code: exit, stderr } = await run(["kv", "get", "app/host", "--timeout", "300"], {
      cwd: directory,
      env: { ...env, DT_ENDPOINTS: cluster.endpoints },
    });
    expect(exit).toBe(CliExit.unavailable);
    expect(stderr).toContain("0 of 3 nodes answer");
    expect(stderr).toContain(code);
  });

  it("lets no user pose as a member, whatever it says of itself", async () => {
    const [node] = cluster.nodes;
    const { clusterId } = cluster;
    const client = new RpcClient({
      address: { host: node?.host ?? "", port: node?.port ?? 0 },
      tls: { ca: authority.cert },
      auth: scramCredentials("alice", "wonderland"),
      identity: { clusterId, nodeId: 3, role: "member" },
    });
    const error: unknown = await client.connect().catch((reason: unknown) => reason);
    await client.close();
    expect(error instanceof RpcError && error.remoteCode).toBe("DT_RAFT_MEMBER_IDENTITY");
  });

  it("takes new certificates and users at SIGHUP, and leaves connections alone", async () => {
    const [node] = cluster.nodes;
    if (node === undefined) {
      throw new Error("no node");
    }
    expect(await shownBy(node)).toBe("first");
    const pid = node.pid;
    await writeCertificate("second");
    file("bob.password", "builder\n");
    const users = readFileSync(file("users"), "utf8");
    file("users", users + (await secretLine("bob", "builder")));
    for (const { pid: each } of cluster.nodes) {
      process.kill(each, "SIGHUP");
    }
    await until("the new certificate", async () => (await shownBy(node)) === "second");
    await until(
      "the new user",
      async () => (await dt(["kv", "get", "app/host"], "bob")).code === 0,
    );
    file("users", "bob nonsense\n");
    process.kill(node.pid, "SIGHUP");
    await until("the complaint", () => readFileSync(node.logFile, "utf8").includes("stay as they"));
    expect(readFileSync(node.logFile, "utf8")).toContain("line 1: not a secret");
    expect(await dt(["kv", "get", "app/host"])).toMatchObject({ code: 0, stdout: "10.0.0.6" });
    expect(node.pid).toBe(pid);
  });
});

describe("the flags of TLS and login", () => {
  it.each([
    [["--user", "alice"], "--user and --password-file belong together"],
    [["--tls-cert", "node.crt"], "TLS needs --tls-ca"],
    [["--tls-ca", "ca.crt", "--tls-cert", "node.crt"], "--tls-cert and --tls-key belong together"],
    [["--token-file", "alice.password"], "a token needs --tls-ca"],
    [["--tls-ca", "missing"], "DT_CLI_FILE: missing: "],
    [
      ["--tls-ca", "ca.crt", "--tls-cert", "users", "--tls-key", "users"],
      "DT_CLI_FILE: ca.crt, users",
    ],
  ])("%j are refused", async (flags, message) => {
    const { code, stderr } = await run(["kv", "get", "x", ...flags], { cwd: directory });
    expect(code).toBe(CliExit.usage);
    expect(stderr).toContain(message);
  });

  it("come with commands that make users and tokens", async () => {
    const { stdout, stderr } = await run(["auth", "token", "ci"]);
    expect(stdout).toMatch(/^[\w-]{43}\n$/u);
    expect(stderr).toMatch(/^ci [0-9a-f]{64}\n$/u);
    expect(await secretLine("x", "y")).toMatch(/^x SCRAM-SHA-256\$15000:[^$]+\$[^:]+:.+\n$/u);
    expect((await run(["auth", "secret", "x"], { stdin: "\n" })).stderr).toContain("DT_CLI_FILE");
    expect((await run(["auth", "token", "a b"])).stderr).toContain("DT_CLI_USAGE");
  });
});
