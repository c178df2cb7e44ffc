import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BinaryWriter } from "@dt/codec";
import { freePorts } from "@dt/raft/testing";
import { Client, credentials } from "@grpc/grpc-js";
import { pause } from "./closed-loop.ts";

export const ETCD_MISSING =
  "etcd is not installed. On Debian: apt-get install etcd-server etcd-client";

const READY_TIMEOUT_MS = 15_000;
/** Connections; one of them carries at most 100 streams at a time with etcd's defaults. */
const CHANNELS = 16;
const PUT_PATH = "/etcdserverpb.KV/Put";

interface PutRequest {
  readonly key: string;
  readonly value: Buffer;
}

type Answered = Readonly<Record<string, never>>;

const ANSWERED: Answered = Object.freeze({});

export function isEtcdInstalled(): boolean {
  return spawnSync("etcd", ["--version"], { stdio: "ignore" }).status === 0;
}

/** A cluster of etcd with its defaults, every write synced, on loopback; asked over gRPC. */
export class EtcdTarget {
  readonly #processes: readonly ChildProcess[];
  readonly #clients: readonly Client[];
  readonly #scratch: string;
  #next = 0;

  static async open(nodes: number, directory: string): Promise<EtcdTarget> {
    const scratch = mkdtempSync(join(directory, "dt-etcd-"));
    const ports = await freePorts(nodes * 2);
    const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
    const peerUrl = (i: number) => `http://127.0.0.1:${ports[nodes + i] ?? 0}`;
    const clientUrl = (i: number) => `http://127.0.0.1:${ports[i] ?? 0}`;
    const initialCluster = names.map((name, i) => `${name}=${peerUrl(i)}`).join(",");
    const processes = names.map((name, i) =>
      spawn(
        "etcd",
        [
          ["--name", name],
          ["--data-dir", join(scratch, name)],
          ["--listen-client-urls", clientUrl(i)],
          ["--advertise-client-urls", clientUrl(i)],
          ["--listen-peer-urls", peerUrl(i)],
          ["--initial-advertise-peer-urls", peerUrl(i)],
          ["--initial-cluster", initialCluster],
          ["--log-level", "error"],
          // Room for the history of a long run: etcd keeps every version until it is compacted.
          ["--quota-backend-bytes", String(8 * 2 ** 30)],
        ].flat(),
        { stdio: "ignore" },
      ),
    );
    const clients = Array.from({ length: CHANNELS }, (_, i) => {
      const address = `127.0.0.1:${ports[i % nodes] ?? 0}`;
      return new Client(address, credentials.createInsecure(), {
        "grpc.use_local_subchannel_pool": 1,
      });
    });
    const target = new EtcdTarget(processes, clients, scratch);
    try {
      await target.#waitUntilReady();
      return target;
    } catch (error) {
      await target.close();
      throw error;
    }
  }

  private constructor(
    processes: readonly ChildProcess[],
    clients: readonly Client[],
    scratch: string,
  ) {
    this.#processes = processes;
    this.#clients = clients;
    this.#scratch = scratch;
  }

  put(key: string, value: Buffer): Promise<void> {
    const client = this.#clients[this.#next++ % this.#clients.length];
    return new Promise((resolve, reject) => {
      client?.makeUnaryRequest<PutRequest, Answered>(
        PUT_PATH,
        encodePut,
        decodeAnswer,
        { key, value },
        (error) => {
          if (error === null) {
            resolve();
          } else {
            reject(error);
          }
        },
      );
    });
  }

  async close(): Promise<void> {
    for (const client of this.#clients) {
      client.close();
    }
    for (const child of this.#processes) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    }
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async #waitUntilReady(): Promise<void> {
    const endMs = performance.now() + READY_TIMEOUT_MS;
    let ready = 0;
    while (ready < this.#clients.length) {
      try {
        await this.put("bench/ready", Buffer.from("1"));
        ready++;
      } catch (error) {
        if (performance.now() > endMs) {
          throw new Error("etcd did not become ready", { cause: error });
        }
        await pause(100);
      }
    }
  }
}

/** `message PutRequest { bytes key = 1; bytes value = 2; }` of etcd's public API. */
function encodePut(request: PutRequest): Buffer {
  const writer = new BinaryWriter();
  const bytes = writer.uint32(10).string(request.key).uint32(18).bytes(request.value).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What the answer says is of no interest; null would count as no answer. */
function decodeAnswer(): Answered {
  return ANSWERED;
}
