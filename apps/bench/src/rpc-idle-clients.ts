// The client process of `dt bench rpc-idle`: argv[2] is an IdleClientOptions as JSON.
import { RpcClient } from "@dt/rpc";
import { announce } from "./announce.ts";
import type { HostPort } from "./echo-caller.ts";
import { sampleMemory } from "./memory-sample.ts";
import type { IdleSample } from "./rpc-idle-bench.ts";

export interface IdleClientOptions {
  readonly address: HostPort;
  readonly connections: number;
}

/** Connections that are made at the same time. */
const BATCH = 100;

const { address, connections } = JSON.parse(process.argv[2] ?? "{}") as IdleClientOptions;
const clients: RpcClient[] = [];
process.on("message", () => {
  void sampleMemory().then((memory) => {
    const open = clients.filter((client) => client.isConnected).length;
    process.send?.({ memory, connections: open, frames: 0, bytes: 0 } satisfies IdleSample);
  });
});
const before = await sampleMemory();
while (clients.length < connections) {
  const batch = Array.from({ length: Math.min(BATCH, connections - clients.length) }, () => {
    const client = new RpcClient({ address });
    clients.push(client);
    return client.connect();
  });
  await Promise.all(batch);
}
announce(before);
