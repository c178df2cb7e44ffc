import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RpcClient } from "@dt/rpc";
import type { Address } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";
import { runClosedLoop } from "./closed-loop.ts";
import { ECHO_COMMAND } from "./echo-command.ts";
import { describeEnvironment } from "./environment.ts";
import { warmUpMs } from "./kv-bench.ts";
import { ProcessorShare } from "./processor-time.ts";
import type { Report, Scalar } from "./report.ts";

export interface RpcBenchOptions {
  readonly size: number;
  readonly inFlight: number;
  readonly seconds: number;
  readonly nodeFlags: readonly string[];
}

const TIMEOUT_MS = 10_000;

/** Echo between two processes over one connection: a promise and a deadline for each call. */
export async function runRpcBench(options: RpcBenchOptions): Promise<Report> {
  const server = fork(fileURLToPath(new URL("./echo-server.js", import.meta.url)), {
    execArgv: [...options.nodeFlags],
  });
  try {
    return await measure(server, options);
  } finally {
    if (server.connected) {
      server.disconnect();
    }
    if (server.exitCode === null) {
      await once(server, "exit");
    }
  }
}

async function measure(server: ChildProcess, options: RpcBenchOptions): Promise<Report> {
  const [address] = (await once(server, "message")) as [Address];
  const client = new RpcClient({ address });
  await client.connect();
  const body = randomBytes(options.size);
  const extra: Record<string, Scalar> = {};
  let own: ProcessorShare | null = null;
  let other: ProcessorShare | null = null;
  const result = await runClosedLoop(
    () => client.call(ECHO_COMMAND, 0, TIMEOUT_MS, encodeBytes, body, bodyBytes),
    {
      inFlight: options.inFlight,
      warmUpMs: warmUpMs(options.seconds),
      measureMs: options.seconds * 1000,
      onMeasure: () => {
        own = new ProcessorShare([process.pid]);
        other = new ProcessorShare([server.pid ?? 0]);
      },
      onEnd: () => {
        extra["clientCores"] = own?.cores() ?? null;
        extra["serverCores"] = other?.cores() ?? null;
      },
    },
  );
  await client.close();
  const { size, inFlight, seconds } = options;
  return {
    workload: "rpc echo",
    config: { size, inFlight, seconds, connections: 1, deadlineMs: TIMEOUT_MS },
    opsPerSec: result.opsPerSec,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    p999Us: result.p999Us,
    maxUs: result.maxUs,
    errors: result.errors,
    environment: describeEnvironment("none"),
    extra,
  };
}

function encodeBytes(writer: ByteWriter, bytes: Buffer): void {
  writer.range(bytes, 0, bytes.length);
}

function bodyBytes(_body: Buffer, start: number, end: number): number {
  return end - start;
}
