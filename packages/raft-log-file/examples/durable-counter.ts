// A durable counter: one node that adds to a number and finds it again after a restart. Run it twice:
// node durable-counter.ts ./counter-data 7654
import { RaftServer } from "@dt/raft";
import type { EntryCursor, RaftGroup, StateMachine } from "@dt/raft";
import { DataDirectory } from "@dt/raft-log-file";

class Counter implements StateMachine<number> {
  value = 0;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      this.value += entries.buf.readInt32BE(entries.start);
      results.push(this.value);
    }
  }
}

function add(group: RaftGroup<number>, amount: number): Promise<number> {
  const payload = Buffer.alloc(4);
  payload.writeInt32BE(amount);
  return new Promise((succeed, fail) => {
    group.propose(0, payload, 0, 4, { succeed, fail });
  });
}

const [path = "./counter-data", port = "7654"] = process.argv.slice(2);
const members = [{ nodeId: 1, host: "127.0.0.1", port: Number(port) }];
const data = await DataDirectory.open({ path, clusterId: "counter", nodeId: 1 });
const server = new RaftServer({ clusterId: "counter", nodeId: 1, members });
const log = data.log(1);
const group = await server.addGroup({ groupId: 1, stateMachine: new Counter(), log });
await new Promise<void>((ready, fail) => {
  const waitForLead = (): void =>
    group.read({ ready, fail: (e) => (e.mayHaveExecuted ? fail(e) : setTimeout(waitForLead, 10)) });
  waitForLead();
});
process.stdout.write(`${await add(group, 7)}\n`);
await server.close();
await data.close();
