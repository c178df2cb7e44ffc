import { expect, test } from "vitest";
import { fuzzClient } from "./client-fuzz.ts";
import { capture } from "./conversation.ts";
import { fuzzServer } from "./server-fuzz.ts";

// The long run is fuzz.memory.test.ts.
const SEED = 20_261_121;

test("a server survives a conversation with every byte changed and every length, and harms nobody else", async () => {
  const { fromClient } = await capture();
  const result = await fuzzServer({
    seed: SEED,
    frames: fromClient,
    randomMutations: 500,
    concurrency: 16,
  });
  const byteCount = Buffer.concat(fromClient).length;
  expect(result.mutations).toBe(3 * byteCount + 500);
  expect(result.malformedFrames).toBeGreaterThan(byteCount / 4);
  expect(result.handshakesFailed).toBeGreaterThan(fromClient[0]!.length);
  expect(result.bystanderCalls).toBeGreaterThan(0);
});

test("a client survives the answers of a server gone wrong, and every call has an outcome", async () => {
  const { fromServer } = await capture();
  const conversations = await fuzzClient({
    seed: SEED,
    frames: fromServer,
    every: 7,
    randomMutations: 100,
  });
  expect(conversations).toBeGreaterThan(100);
});
