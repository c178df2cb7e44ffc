import { MemoryLog, RaftClient, RaftServer } from "@dt/raft";
import { addKvCommands } from "../src/server/kv-commands.ts";
import type { KvServerOptions } from "../src/server/options.ts";
import { KvStateMachine } from "../src/state-machine.ts";

export const GROUP_ID = 7;

export interface OneNode {
  readonly client: RaftClient;
  readonly stateMachine: KvStateMachine;
  close(): Promise<void>;
}

/** A cluster of one on loopback, with a log in memory, and a client of it. */
export async function startOneNode(options?: KvServerOptions): Promise<OneNode> {
  const host = "127.0.0.1";
  const server = new RaftServer({
    clusterId: "kv-test",
    nodeId: 1,
    members: [{ nodeId: 1, host, port: 1 }],
    listen: { host, port: 0 },
  });
  const stateMachine = new KvStateMachine();
  const group = await server.addGroup({ groupId: GROUP_ID, stateMachine, log: new MemoryLog() });
  addKvCommands(server.commands(GROUP_ID), group, stateMachine, options);
  const port = await server.listen();
  const client = new RaftClient({ endpoints: [{ host, port }] });
  return {
    client,
    stateMachine,
    async close() {
      await client.close();
      await server.close();
    },
  };
}
