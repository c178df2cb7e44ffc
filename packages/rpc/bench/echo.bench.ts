// How many echo calls a second go over one connection between two processes, and how long does one
// take?
//
//   node dist/bench/echo.bench.js [--depth 1000] [--seconds 3] [--runs 3] [--payload 128]
//     [--timeout 5000] [--style call|start] [--unix] [--server-flag FLAG]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RpcClient } from "../src/index.ts";
import { Histogram } from "./histogram.ts";
import type { Address, CallCompletion, RpcError } from "../src/index.ts";
import type { ByteWriter } from "@dt/codec";

const ECHO = 256;
/** One call of so many is timed: reading the clock costs a good part of what a call costs. */
const CALLS_PER_SAMPLE = 8;

const { values } = parseArgs({
  options: {
    depth: { type: "string", default: "1000" },
    seconds: { type: "string", default: "3" },
    runs: { type: "string", default: "3" },
    payload: { type: "string", default: "128" },
    timeout: { type: "string", default: "5000" },
    style: { type: "string", default: "call" },
    unix: { type: "boolean", default: false },
    "server-flag": { type: "string", multiple: true, default: [] },
  },
});
const depth = Number(values.depth);
const timeoutMs = Number(values.timeout);
const payload = Buffer.alloc(Number(values.payload), 7);
const latencies = new Histogram();
let completed = 0;
let endMs = 0;
/** CPU time of this process per call of the last run. */
let userMicros = 0;
let systemMicros = 0;

function writeBytes(writer: ByteWriter, bytes: Buffer): void {
  writer.bytes(bytes);
}

function lengthOf(_body: Buffer, start: number, end: number): number {
  return end - start;
}

function check(length: number): void {
  if (length !== payload.length) {
    throw new Error(`a reply of ${length} bytes`);
  }
}

/** One caller that makes a call, waits for its reply and starts again. */
async function callInTurn(client: RpcClient): Promise<void> {
  let count = 0;
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    check(await client.call(ECHO, 0, timeoutMs, writeBytes, payload, lengthOf));
    latencies.record((performance.now() - startedMs) * 1e6);
    for (let untimed = 1; untimed < CALLS_PER_SAMPLE; untimed++) {
      check(await client.call(ECHO, 0, timeoutMs, writeBytes, payload, lengthOf));
    }
    count += CALLS_PER_SAMPLE;
  }
  completed += count;
}

/** The same without promises. */
class StartInTurn implements CallCompletion {
  readonly #client: RpcClient;
  readonly #onEnd: () => void;
  #startedMs = 0;
  #count = 0;

  constructor(client: RpcClient, onEnd: () => void) {
    this.#client = client;
    this.#onEnd = onEnd;
  }

  start(): void {
    if (this.#count % CALLS_PER_SAMPLE === 0) {
      this.#startedMs = performance.now();
    }
    this.#client.start(ECHO, 0, timeoutMs, writeBytes, payload, this);
  }

  onReply(_body: Buffer, start: number, end: number): void {
    check(end - start);
    if (this.#count++ % CALLS_PER_SAMPLE === 0) {
      const nowMs = performance.now();
      latencies.record((nowMs - this.#startedMs) * 1e6);
      if (nowMs >= endMs) {
        completed += this.#count;
        this.#onEnd();
        return;
      }
    }
    this.start();
  }

  onFail(error: RpcError): void {
    throw error;
  }
}

function startInTurn(client: RpcClient): Promise<void> {
  return new Promise((resolve) => {
    new StartInTurn(client, resolve).start();
  });
}

async function run(client: RpcClient, seconds: number): Promise<number> {
  const caller = values.style === "start" ? startInTurn : callInTurn;
  completed = 0;
  latencies.reset();
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  endMs = startMs + seconds * 1000;
  await Promise.all(Array.from({ length: depth }, () => caller(client)));
  const cpu = process.cpuUsage(cpuBefore);
  userMicros = cpu.user / completed;
  systemMicros = cpu.system / completed;
  return completed / ((performance.now() - startMs) / 1000);
}

function micros(share: number): string {
  return (latencies.percentile(share) / 1000).toFixed(1);
}

const serverArgs = [
  ...values["server-flag"],
  fileURLToPath(new URL("./echo-server.js", import.meta.url)),
  ...(values.unix ? [join(tmpdir(), `dt-echo-${process.pid}.sock`)] : []),
];
const server = spawn(process.execPath, serverArgs, { stdio: ["pipe", "pipe", "inherit"] });
const [line] = (await once(server.stdout, "data")) as [Buffer];
const address = JSON.parse(line.toString()) as Address;
const client = new RpcClient({ address });
await client.connect();
await run(client, 1);
for (let round = 0; round < Number(values.runs); round++) {
  const rate = await run(client, Number(values.seconds));
  process.stdout.write(
    `depth ${depth}, ${payload.length} B, ${values.style}: ${Math.round(rate)} calls/s, ` +
      `p50 ${micros(0.5)} us, p99 ${micros(0.99)} us, p99.9 ${micros(0.999)} us, ` +
      `client cpu a call ${userMicros.toFixed(2)} + ${systemMicros.toFixed(2)} us\n`,
  );
}
const { framesOut, writes } = client.counters;
process.stdout.write(`client: ${(framesOut / writes).toFixed(1)} frames a write\n`);
await client.close();
server.stdin.end();
