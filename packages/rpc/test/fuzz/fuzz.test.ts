import { expect, test } from "vitest";
import { fuzzClient } from "./client-fuzz.ts";
import { capture } from "./conversation.ts";
import { AUTHENTICATED, OPEN } from "./scenario.ts";
import { fuzzServer } from "./server-fuzz.ts";
import type { Scenario } from "./scenario.ts";

// The long run is fuzz.memory.test.ts.
const SEED = 20_261_121;

const SCENARIOS: readonly (readonly [string, Scenario])[] = [
  ["an open conversation", OPEN],
  ["one behind an authentication", AUTHENTICATED],
];

test("the conversations have frames of every kind that a client sends", async () => {
  const { fromClient, fromServer } = await capture(OPEN);
  const commands = fromClient.map((frame) => frame.readUInt16BE(6));
  expect(commands).toEqual(expect.arrayContaining([1, 4, 8, 10, 256, 258, 259, 300]));
  const flags = [...fromClient, ...fromServer].map((frame) => frame.readUInt8(5));
  expect(flags).toEqual(expect.arrayContaining([0, 1, 2, 4]));
  const authenticated = await capture(AUTHENTICATED);
  expect(authenticated.fromClient.map((frame) => frame.readUInt16BE(6))).toContain(5);
});

test.each(SCENARIOS)(
  "a server survives %s with every byte changed and every length, and harms nobody else",
  async (_name, scenario) => {
    const { fromClient } = await capture(scenario);
    const frames = { seed: SEED, scenario, frames: fromClient };
    const result = await fuzzServer({ ...frames, randomMutations: 300, concurrency: 16 });
    const byteCount = Buffer.concat(fromClient).length;
    expect(result.mutations).toBe(3 * byteCount + 300);
    expect(result.handshakesFailed).toBeGreaterThan(fromClient[0]!.length);
    expect(result.bystanderCalls).toBeGreaterThan(0);
    if (scenario.hasFixedAnswers) {
      expect(result.malformedFrames).toBeGreaterThan(byteCount / 4);
    }
  },
);

test.each(SCENARIOS)(
  "a client survives the answers of a server gone wrong in %s, and every call has an outcome",
  async (_name, scenario) => {
    const { fromServer } = await capture(scenario);
    const frames = { seed: SEED, scenario, frames: fromServer };
    const conversations = await fuzzClient({ ...frames, every: 11, randomMutations: 60 });
    expect(conversations).toBeGreaterThan(100);
  },
);
