import { BenchChild } from "./bench-child.ts";
import type { HostPort } from "./echo-caller.ts";
import type { EchoClientOptions, EchoProtocol, EchoResult } from "./echo-client.ts";
import { warmUpMs } from "./kv-bench.ts";

export interface EchoRunOptions {
  readonly size: number;
  readonly inFlight: number;
  readonly seconds: number;
  /** Groups that the calls go to in turn; 0 for none. */
  readonly groups: number;
  /** Flags for Node in both processes. */
  readonly nodeFlags: readonly string[];
}

export const ECHO_TIMEOUT_MS = 10_000;

/** Echo over one connection between two processes that both end with the run. */
export async function runEcho(
  protocol: EchoProtocol,
  options: EchoRunOptions,
): Promise<EchoResult> {
  const { nodeFlags, groups, seconds, size, inFlight } = options;
  const server = new BenchChild(`${protocol}-echo-server`, String(groups), nodeFlags);
  try {
    const clientOptions: EchoClientOptions = {
      protocol,
      address: await server.next<HostPort>(),
      serverPid: server.pid,
      size,
      inFlight,
      groups,
      warmUpMs: warmUpMs(seconds),
      measureMs: seconds * 1000,
      timeoutMs: ECHO_TIMEOUT_MS,
    };
    const client = new BenchChild("echo-client", JSON.stringify(clientOptions), nodeFlags);
    try {
      return await client.next<EchoResult>();
    } finally {
      await client.stop();
    }
  } finally {
    await server.stop();
  }
}
