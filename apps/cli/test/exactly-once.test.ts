import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster } from "@dt/server";
import type { Cluster } from "@dt/server";
import { freePorts } from "@dt/raft/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { dt as run } from "./run-dt.kit.ts";

/** A way to a node that loses the first answer to what mentions a text, and the connection with it. */
class LossyWay {
  readonly #port: number;
  readonly #node: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What is lost next; empty for nothing. */
  loses = "";
  losses = 0;

  constructor(port: number, node: { readonly host: string; readonly port: number }) {
    this.#port = port;
    this.#node = node;
    this.#server = createServer((client) => this.#carry(client));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(this.#port, "127.0.0.1", resolve);
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  close(): Promise<void> {
    this.#sockets.forEach((socket) => socket.destroy());
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #carry(client: Socket): void {
    const node = connect(this.#node.port, this.#node.host);
    let isDoomed = false;
    const end = (): void => {
      client.destroy();
      node.destroy();
    };
    for (const socket of [client, node]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes) => {
      isDoomed ||= this.loses !== "" && bytes.includes(this.loses);
      node.write(bytes);
    });
    node.on("data", (bytes) => {
      if (isDoomed) {
        this.loses = "";
        this.losses++;
        end();
      } else {
        client.write(bytes);
      }
    });
  }
}

let directory = "";
let cluster: Cluster;
let way: LossyWay;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dt-cli-once-"));
  cluster = await startCluster({ directory: join(directory, "cluster"), nodeCount: 1 });
  const [host = "", port] = cluster.endpoints.split(":");
  const [free = 0] = await freePorts(1);
  way = new LossyWay(free, { host, port: Number(port) });
  await way.listen();
});

afterAll(async () => {
  await way.close();
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
});

function dt(argv: readonly string[]) {
  return run([...argv, "--timeout", "60000", "--endpoints", way.address], { cwd: directory });
}

it("a write whose answer is lost is reported as unknown, with --exactly-once it is answered", async () => {
  way.loses = "twice/key";
  const unknown = await dt(["kv", "cas", "twice/key", "value", "--expect-absent"]);
  expect([unknown.code, way.losses]).toEqual([CliExit.outcomeUnknown, 1]);

  way.loses = "once/key";
  const known = await dt(["kv", "cas", "once/key", "value", "--expect-absent", "--exactly-once"]);
  expect([known.code, way.losses]).toEqual([CliExit.ok, 2]);
  expect(known.stdout).toMatch(/^revision \d+\n$/u);

  way.loses = "once/key";
  const deleted = await dt(["kv", "del", "once/key", "--exactly-once"]);
  expect([deleted.code, way.losses]).toEqual([CliExit.ok, 3]);

  way.loses = "once/key";
  const put = await dt(["kv", "put", "once/key", "again", "--exactly-once"]);
  expect([put.code, way.losses]).toEqual([CliExit.ok, 4]);
  const got = await dt(["kv", "get", "once/key", "-o", "json"]);
  expect(JSON.parse(got.stdout)).toMatchObject({ value: "again", version: 1 });
});
