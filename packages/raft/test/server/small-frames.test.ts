import { RpcServer } from "@dt/rpc";
import { expect, onTestFinished, test } from "vitest";
import { MessageKind } from "../../src/core/message.ts";
import { singleEntry } from "../../src/entry/batch-builder.ts";
import { EntryType } from "../../src/entry/record.ts";
import { SILENT_LOGGER } from "../../src/node/logger.ts";
import { freePorts } from "../../src/testing/free-ports.ts";
import { RpcTransport } from "../../src/transport/rpc-transport.ts";

test("a message that is larger than a peer's frames is dropped, and takes nobody down", async () => {
  const clusterId = "test";
  const host = "127.0.0.1";
  const [own, peer] = [1, 2].map((nodeId) => {
    const identity = { clusterId, nodeId, role: "member" };
    const limits = { maxFrameBytes: nodeId === 1 ? 1 << 20 : 1024 };
    const server = new RpcServer({ identity, ...limits });
    onTestFinished(() => server.close());
    return server;
  });
  const [port = 0] = await freePorts(1);
  await peer!.listen({ host, port });
  const processId = "0".repeat(32);
  const config = { clusterId, nodeId: 1, processId, address: { host, port: 1 }, rpc: {} };
  const transport = new RpcTransport(config, own!, SILENT_LOGGER);
  onTestFinished(() => transport.close());
  transport.setMembers(1, [{ nodeId: 2, host, port }]);
  const append = (bytes: number) =>
    transport.send(1, {
      kind: MessageKind.append,
      from: 1,
      to: 2,
      term: 1,
      prevIndex: 0,
      prevTerm: 0,
      batches: [singleEntry(EntryType.normal, Buffer.alloc(bytes), 1, 1, 1, 0)],
      commitIndex: 0,
      sentAtMs: 1,
      readToken: 0,
    });
  while (!append(100)) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  const { dropped } = transport.counters;
  expect(append(2000)).toBe(false);
  expect(transport.counters.dropped).toBe(dropped + 1);
  expect(append(100)).toBe(true);
});
