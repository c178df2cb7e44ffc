// The long run: `DT_TEST_SCOPE=memory npx --no-install vitest run packages/rpc/dist/test/fuzz`. FUZZ_SEED replays one
// run, FUZZ_MUTATIONS makes it longer.
import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { usedBytes } from "../support/heap.ts";
import { fuzzClient } from "./client-fuzz.ts";
import { capture } from "./conversation.ts";
import { OPEN } from "./scenario.ts";
import { fuzzServer } from "./server-fuzz.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
const MUTATIONS = Number(process.env["FUZZ_MUTATIONS"] ?? 100_000);
const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

function say(line: string): void {
  process.stderr.write(`seed ${SEED}: ${line}\n`);
}

test(
  "a server survives 100,000 damaged conversations, and its memory does not grow",
  async () => {
    const { fromClient } = await capture(OPEN);
    // The first run fills pools and compiles code.
    await fuzzServer({
      scenario: OPEN,
      seed: SEED,
      frames: fromClient,
      randomMutations: 2000,
      concurrency: 16,
    });
    const before = await usedBytes();
    const result = await fuzzServer({
      scenario: OPEN,
      seed: SEED,
      frames: fromClient,
      randomMutations: MUTATIONS,
      concurrency: 16,
      onProgress: (count) => {
        if (count % 10_000 === 0) {
          const { heapUsed, rss } = process.memoryUsage();
          say(
            `${count} conversations, heap ${Math.round(heapUsed / MIB)} MiB, rss ${Math.round(rss / MIB)} MiB`,
          );
        }
      },
    });
    const after = await usedBytes();
    say(`${JSON.stringify(result)}, ${before} bytes in use before, ${after} after`);
    expect(result.mutations).toBeGreaterThan(MUTATIONS);
    expect(result.bystanderCalls).toBeGreaterThan(0);
    expect(after - before).toBeLessThan(2 * MIB);
  },
  HOUR_MS,
);

test(
  "a client survives every damaged byte of a server's answers",
  async () => {
    const { fromServer } = await capture(OPEN);
    const options = {
      scenario: OPEN,
      seed: SEED,
      frames: fromServer,
      every: 1,
      randomMutations: MUTATIONS / 20,
    };
    say(`${await fuzzClient(options)} conversations with clients`);
  },
  HOUR_MS,
);
