// A replicated counter: three nodes in one process, on loopback. A real service runs one node per process and keeps
// its log with @dt/raft-log-file.
import { MemoryLog, RaftClient, RaftServer, failRequest } from "@dt/raft";
import type { EntryCursor, StateMachine } from "@dt/raft";

const ADD = 256;

class Counter implements StateMachine<number> {
  value = 0;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      this.value += entries.buf.readInt32BE(entries.start);
      results.push(this.value);
    }
  }
}

export async function runCounter(ports: readonly number[]): Promise<number> {
  const members = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
  const servers = members.map(
    ({ nodeId }) => new RaftServer({ clusterId: "counters", nodeId, members }),
  );
  for (const server of servers) {
    const group = await server.addGroup({
      groupId: 1,
      stateMachine: new Counter(),
      log: new MemoryLog(),
    });
    server.commands(group.groupId).on(ADD, (request, body, start, end) => {
      group.propose(0, body, start, end, {
        succeed: (value) => request.reply((writer, v: number) => writer.u32(v), value),
        fail: (error) => failRequest(request, error),
      });
    });
    await server.listen();
  }
  const client = new RaftClient({ endpoints: members });
  let value = 0;
  for (const amount of [1, 2, 39]) {
    value = await client.call(
      ADD,
      1,
      (writer, n: number) => writer.u32(n),
      amount,
      (body, at) => body.readUInt32BE(at),
    );
  }
  await client.close();
  await Promise.all(servers.map((server) => server.close()));
  return value;
}
