import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { Bystander } from "./bystander.ts";
import { everyByteAndLength, randomMutation } from "./mutation.ts";
import { Replay, runAll, soundReplies } from "./replay.ts";
import { SeededRandom } from "./seeded-random.ts";
import type { Frames, Mutation } from "./mutation.ts";
import type { Scenario } from "./scenario.ts";

export interface ServerFuzzOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly frames: Frames;
  /** Mutations beside those of every byte and every length. */
  readonly randomMutations: number;
  readonly concurrency: number;
  readonly onProgress?: (count: number) => void;
}

export interface ServerFuzzResult {
  readonly mutations: number;
  readonly malformedFrames: number;
  readonly handshakesFailed: number;
  readonly bystanderCalls: number;
}

/**
 * Replays a damaged conversation again and again against a live server, while a bystander calls.
 * Throws at the first answer that is wrong, and when anything is left on the server at the end.
 */
export async function fuzzServer(options: ServerFuzzOptions): Promise<ServerFuzzResult> {
  const { scenario, seed, frames, concurrency } = options;
  const directory = mkdtempSync(join(tmpdir(), "dt-fuzz-"));
  const server = scenario.createServer();
  try {
    // A unix socket: a hundred thousand connections would use up the ports of TCP.
    const address = await server.listen({ path: join(directory, "s") });
    const random = new SeededRandom(seed);
    const replies = scenario.hasFixedAnswers ? await soundReplies(address, frames) : [];
    const replay = new Replay(address, replies, random);
    const bystander = new Bystander(scenario.createClient(address));
    await bystander.start();
    let count = 0;
    const mutations = await runAll(mutationsOf(options, random), concurrency, async (mutation) => {
      await replay.run(mutation);
      options.onProgress?.(++count);
    });
    const bystanderCalls = await bystander.stop();
    await until(() => server.connections.size === 0, "the end of all connections");
    const { malformedFrames, handshakesFailed, connectionsOpened, connectionsClosed } =
      server.counters;
    if (connectionsOpened !== connectionsClosed) {
      throw new Error(`${connectionsOpened} connections opened, ${connectionsClosed} closed`);
    }
    return { mutations, malformedFrames, handshakesFailed, bystanderCalls };
  } finally {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function* mutationsOf(options: ServerFuzzOptions, random: SeededRandom): Generator<Mutation> {
  yield* everyByteAndLength(options.frames, random);
  for (let left = options.randomMutations; left > 0; left--) {
    yield randomMutation(options.frames, random);
  }
}
