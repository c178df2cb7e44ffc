import { BenchChild } from "./bench-child.ts";
import type { HostPort } from "./echo-caller.ts";
import type { EchoClientOptions, EchoProtocol, EchoResult } from "./echo-client.ts";
import { warmUpMs } from "./kv-bench.ts";
import type { TlsPair } from "./tls-pair.ts";

export interface EchoRunOptions {
  readonly size: number;
  readonly inFlight: number;
  readonly seconds: number;
  /** Groups that the calls go to in turn; 0 for none. */
  readonly groups: number;
  /** Calls travel over TLS with this certificate. Default: without. */
  readonly tls?: TlsPair | undefined;
  /** Flags for Node in both processes. */
  readonly nodeFlags: readonly string[];
}

/** argv[2] of a server of ours, as JSON. */
export interface EchoServerOptions {
  readonly groups: number;
  readonly tls?: TlsPair | undefined;
}

export const ECHO_TIMEOUT_MS = 10_000;

/** Echo over one connection between two processes that both end with the run. */
export async function runEcho(
  protocol: EchoProtocol,
  options: EchoRunOptions,
): Promise<EchoResult> {
  const { nodeFlags, groups, seconds, size, inFlight, tls } = options;
  const serverOptions: EchoServerOptions = { groups, tls };
  const argument = JSON.stringify(serverOptions);
  const server = new BenchChild(`${protocol}-echo-server`, argument, nodeFlags);
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
      ca: tls?.cert,
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
