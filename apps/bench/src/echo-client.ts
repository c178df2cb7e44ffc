// The client process of the echo workloads: argv[2] is an EchoClientOptions as JSON, the result goes to the parent.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { pause, runClosedLoop } from "./closed-loop.ts";
import type { LoopResult } from "./closed-loop.ts";
import type { EchoCaller, HostPort } from "./echo-caller.ts";
import { openGrpcCaller } from "./grpc-echo.ts";
import { ProcessorShare } from "./processor-time.ts";
import { RawBounce } from "./raw-bounce.ts";
import { openRpcCaller } from "./rpc-echo.ts";

export type EchoProtocol = "rpc" | "grpc" | "raw";

export interface EchoClientOptions {
  readonly protocol: EchoProtocol;
  readonly address: HostPort;
  readonly serverPid: number;
  readonly size: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly timeoutMs: number;
  readonly groups: number;
  /** Connect with TLS and trust this certificate. */
  readonly ca?: string | undefined;
}

/** What one run has measured; the processor time is null where the system does not tell. */
export interface EchoResult extends LoopResult {
  readonly clientCores: number | null;
  readonly serverCores: number | null;
  readonly clientNsPerCall: number | null;
  readonly serverNsPerCall: number | null;
}

/** One call of so many is timed. */
const SAMPLE_EVERY = 8;

class SideUsage {
  readonly #share: ProcessorShare;
  seconds: number | null = null;
  cores: number | null = null;

  constructor(pid: number) {
    this.#share = new ProcessorShare([pid]);
  }

  stop(): void {
    this.seconds = this.#share.seconds();
    this.cores = this.#share.cores();
  }

  nsPerCall(calls: number): number | null {
    return this.seconds === null || calls === 0 ? null : Math.round((this.seconds * 1e9) / calls);
  }
}

async function measure(options: EchoClientOptions): Promise<EchoResult> {
  let client: SideUsage | null = null;
  let server: SideUsage | null = null;
  const onMeasure = (): void => {
    client = new SideUsage(process.pid);
    server = new SideUsage(options.serverPid);
  };
  const onEnd = (): void => {
    client?.stop();
    server?.stop();
  };
  const result = await (options.protocol === "raw"
    ? bounce(options, onMeasure, onEnd)
    : callInTurn(options, onMeasure, onEnd));
  return { ...result, ...usage(client, server, result.operations) };
}

function usage(
  client: SideUsage | null,
  server: SideUsage | null,
  calls: number,
): Omit<EchoResult, keyof LoopResult> {
  return {
    clientCores: client?.cores ?? null,
    serverCores: server?.cores ?? null,
    clientNsPerCall: client?.nsPerCall(calls) ?? null,
    serverNsPerCall: server?.nsPerCall(calls) ?? null,
  };
}

async function callInTurn(
  options: EchoClientOptions,
  onMeasure: () => void,
  onEnd: () => void,
): Promise<LoopResult> {
  const { size, inFlight, warmUpMs, measureMs } = options;
  const caller = await openCaller(options, randomBytes(size));
  if ((await caller.call()) !== size) {
    throw new Error("the echo has another length than the call");
  }
  const sampleEvery = inFlight >= SAMPLE_EVERY ? SAMPLE_EVERY : 1;
  const loop = { inFlight, warmUpMs, measureMs, sampleEvery, onMeasure, onEnd };
  const result = await runClosedLoop(() => caller.call(), loop);
  await caller.close();
  return result;
}

async function openCaller(options: EchoClientOptions, body: Buffer): Promise<EchoCaller> {
  const { protocol, address, timeoutMs, groups, ca } = options;
  return protocol === "grpc"
    ? openGrpcCaller(address, body, timeoutMs)
    : openRpcCaller(address, body, timeoutMs, groups, ca);
}

/** Frames over a bare socket: nothing of a call is left, so there is no latency of one either. */
async function bounce(
  options: EchoClientOptions,
  onMeasure: () => void,
  onEnd: () => void,
): Promise<LoopResult> {
  const { address, size, inFlight, warmUpMs, measureMs } = options;
  const socket = connect({ ...address, noDelay: true });
  await once(socket, "connect");
  const raw = new RawBounce(socket);
  raw.serve(inFlight, size);
  await pause(warmUpMs);
  onMeasure();
  const startMs = performance.now();
  const before = raw.frames;
  await pause(measureMs);
  const operations = raw.frames - before;
  onEnd();
  const opsPerSec = Math.round((operations * 1000) / (performance.now() - startMs));
  socket.destroy();
  const none = { p50Us: 0, p99Us: 0, p999Us: 0, maxUs: 0, errors: 0, longestGapMs: 0 };
  return { opsPerSec, operations, ...none };
}

process.send?.(await measure(JSON.parse(process.argv[2] ?? "{}") as EchoClientOptions));
process.disconnect?.();
