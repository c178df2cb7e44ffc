// A tree of settings on one node, in memory. A real service has more nodes, each with a log of @dt/raft-log-file.
import { KvClient, KvStateMachine, addKvCommands } from "@dt/kv";
import { MemoryLog, RaftClient, RaftServer } from "@dt/raft";

export async function runSettings(port: number): Promise<string> {
  const node = { nodeId: 1, host: "127.0.0.1", port };
  const server = new RaftServer({ clusterId: "settings", nodeId: 1, members: [node] });
  const stateMachine = new KvStateMachine();
  const group = await server.addGroup({ groupId: 1, stateMachine, log: new MemoryLog() });
  addKvCommands(server.commands(1), group, stateMachine);
  await server.listen();

  const raft = new RaftClient({ endpoints: [node] });
  const kv = new KvClient(raft, { groupId: 1 });
  await kv.put("web/port", "8080");
  await kv.cas("web/port", { value: "8080" }, "8081");
  const { entries } = await kv.list("web");
  await raft.close();
  await server.close();
  return entries.map(({ key, node: { version } }) => `${key} version ${version}`).join();
}
