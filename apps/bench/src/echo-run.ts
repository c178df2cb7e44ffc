import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
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
  const server = start(`${protocol}-echo-server`, String(groups), nodeFlags);
  try {
    const clientOptions: EchoClientOptions = {
      protocol,
      address: await messageOf<HostPort>(server),
      serverPid: server.pid ?? 0,
      size,
      inFlight,
      groups,
      warmUpMs: warmUpMs(seconds),
      measureMs: seconds * 1000,
      timeoutMs: ECHO_TIMEOUT_MS,
    };
    const client = start("echo-client", JSON.stringify(clientOptions), nodeFlags);
    try {
      return await messageOf<EchoResult>(client);
    } finally {
      await stop(client);
    }
  } finally {
    await stop(server);
  }
}

function start(name: string, argument: string, nodeFlags: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return fork(path, [argument], { execArgv: [...nodeFlags] });
}

/** The one message of a process; rejects when it ends without it. */
async function messageOf<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`a process of the bench ended with ${String(code)} before it was done`);
  });
  // It may end after its message, when nobody waits for this any more.
  ended.catch(() => undefined);
  const [message] = await Promise.race([once(child, "message"), ended]);
  return message as T;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.connected) {
    child.disconnect();
  }
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit");
  }
}
