import { expect, test } from "vitest";
import { type Append, MessageKind } from "../../src/core/message.ts";
import { singleEntry } from "../../src/entry/batch-builder.ts";
import { EntryType } from "../../src/entry/record.ts";
import type { RaftError } from "../../src/errors.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { GroupCluster } from "./group-cluster.ts";

/** Promises settle only when the dispatcher has run whatever was ready: a successor may be heard before. */
test("a change whose entry was replaced is not told as committed, though its successor was heard at once", async () => {
  const cluster = new GroupCluster(3);
  await cluster.start();
  const { id, group } = await cluster.leader();
  await cluster.run(1000);
  const { term, lastIndex, commitIndex } = group.status();
  expect(commitIndex).toBe(lastIndex);
  const [to] = [1, 2, 3].filter((each) => each !== id) as [number];
  const log = cluster.node(id).log;
  expect(log).toBeInstanceOf(MemoryLog);
  const [last] = await log.read(lastIndex, lastIndex, 1);
  const { configuration } = group;
  const old = { voters: configuration.voters, observers: configuration.observers };
  let outcome = "";
  const successor = singleEntry(
    EntryType.noop,
    Buffer.alloc(0),
    lastIndex + 1,
    term + 1,
    1,
    last!.chain,
  );
  let isHeard = false;
  cluster.onWay = (message) => {
    if (!isHeard && message.kind === MessageKind.append && message.batches.length > 0) {
      isHeard = true;
      const append: Append = {
        kind: MessageKind.append,
        from: to,
        to: id,
        term: term + 1,
        prevIndex: lastIndex,
        prevTerm: term,
        batches: [successor],
        commitIndex: lastIndex + 1,
        sentAtMs: 0,
        readToken: 0,
      };
      group.onMessage(append);
    }
    return null;
  };
  group
    .changeConfiguration({
      action: "prepare",
      old,
      next: { voters: [id, to], observers: [] },
      members: [],
      leavesByItself: false,
      isForced: true,
    })
    .then(
      (index) => (outcome = `committed at ${index}`),
      (error: RaftError) => (outcome = error.code),
    );
  await cluster.run(50);
  expect(isHeard).toBe(true);
  expect(group.configuration.nextVoters).toEqual([]);
  expect(outcome).toBe("DT_RAFT_LEADERSHIP_LOST");
});
