import { connect } from "node:net";
import { expect, test } from "vitest";
import { encodeOffer } from "../src/handshake-frame.ts";
import { Bystander } from "./fuzz/bystander.ts";
import { usedBytes } from "./support/heap.ts";
import { startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import { RpcClient } from "../src/index.ts";
import type { Address } from "../src/index.ts";

const CONNECTIONS = 10_000;
const MIB = 1024 * 1024;
const OFFER = encodeOffer(RAW_IDENTITY, RAW_LIMITS);

/** Connects and sends a part of the first frame. `onEnd` is called when the server has closed. */
function arriveOnly(address: Address, partBytes: number, onEnd: () => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ ...address }, resolve);
    socket.on("error", () => {});
    socket.on("close", onEnd);
    socket.write(OFFER.subarray(0, partBytes));
    socket.resume();
  });
}

test("10,000 connections that never finish the handshake cost a bounded number of places", async () => {
  const { server, address } = await startServer({ handshakeTimeoutMs: 2000 });
  const bystander = new Bystander(new RpcClient({ address }));
  await bystander.start();
  const before = await usedBytes();
  let peak = 0;
  let ended = 0;
  const onEnd = (): void => {
    ended++;
  };
  for (let count = 0; count < CONNECTIONS; count += 100) {
    const parts = Array.from({ length: 100 }, (_, index) => (count + index) % OFFER.length);
    await Promise.all(parts.map((partBytes) => arriveOnly(address, partBytes, onEnd)));
    if (count % 2500 === 0) {
      peak = Math.max(peak, (await usedBytes()) - before);
      process.stderr.write(`${count + 100} connections, ${ended} closed, ${peak} bytes at most\n`);
    }
  }
  await until(() => ended === CONNECTIONS, "the end of all connections");
  const calls = await bystander.stop();
  expect(server.counters.handshakesFailed).toBe(CONNECTIONS);
  expect(calls).toBeGreaterThan(100);
  // Both ends of some 1100 connections.
  expect(peak).toBeLessThan(16 * MIB);
  expect((await usedBytes()) - before).toBeLessThan(4 * MIB);
}, 600_000);
