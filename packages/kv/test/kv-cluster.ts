import { MemoryLog, RaftClient, RaftServer } from "@dt/raft";
import { freePorts } from "@dt/raft/testing";
import { addKvCommands } from "../src/server/kv-commands.ts";
import { KvStateMachine } from "../src/state-machine.ts";

export const GROUP_ID = 7;

export interface KvCluster {
  readonly client: RaftClient;
  readonly stateMachines: readonly KvStateMachine[];
  /** Where each node listens. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Closes the node that leads. */
  closeLeader(): Promise<void>;
  close(): Promise<void>;
}

/** Nodes in this process on loopback, each with a log in memory, and a client of them all. */
export async function startKvCluster(nodeCount: number): Promise<KvCluster> {
  const ports = await freePorts(nodeCount);
  const members = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
  const stateMachines: KvStateMachine[] = [];
  const servers: RaftServer[] = [];
  for (const { nodeId } of members) {
    const server = new RaftServer({ clusterId: "kv-test", nodeId, members });
    const stateMachine = new KvStateMachine();
    const group = await server.addGroup({
      groupId: GROUP_ID,
      stateMachine,
      log: new MemoryLog(),
      options: {
        electionTimeoutMinMs: 300,
        electionTimeoutMaxMs: 600,
        heartbeatMs: 60,
        tickMs: 20,
      },
    });
    addKvCommands(server.commands(GROUP_ID), group, stateMachine);
    await server.listen();
    stateMachines.push(stateMachine);
    servers.push(server);
  }
  const client = new RaftClient({ endpoints: members, timeoutMs: 20_000 });
  return {
    client,
    stateMachines,
    addresses: members.map(({ host, port }) => ({ host, port })),
    async closeLeader() {
      const leading = servers.find((server) =>
        server.groups().some((group) => group.status().role === "leader"),
      );
      await leading?.close();
    },
    async close() {
      await client.close();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
