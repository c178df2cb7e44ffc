import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RpcError } from "../../src/index.ts";
import { converse } from "./conversation.ts";
import { everyByteAndLength, randomMutation } from "./mutation.ts";
import { runAll } from "./replay.ts";
import { SeededRandom } from "./seeded-random.ts";
import type { Frames, Mutation } from "./mutation.ts";
import type { Scenario } from "./scenario.ts";

export interface ClientFuzzOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  /** What a server sends, its handshake first. */
  readonly frames: Frames;
  /** One of so many of the mutations of every byte and every length. */
  readonly every: number;
  readonly randomMutations: number;
}

/**
 * Answers a client with a damaged conversation. Its connection attempt and each of its calls have
 * an outcome, and every failure is a coded one. Resolves with the number of conversations.
 */
export async function fuzzClient(options: ClientFuzzOptions): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "dt-fuzz-"));
  const path = join(directory, "s");
  const [handshake = Buffer.alloc(0)] = options.frames;
  let bytes: Buffer = Buffer.alloc(0);
  const server = createServer((socket) => {
    const end = Math.min(bytes.length, handshake.length);
    let isAnswered = false;
    socket.on("error", () => {});
    socket.on("data", () => {
      if (!isAnswered) {
        isAnswered = true;
        socket.write(bytes.subarray(0, end));
      } else {
        // The calls are there: they get everything else, and no more after it.
        socket.end(bytes.subarray(end));
      }
    });
    // A client that does not take the handshake for one will never send its calls.
    if (end < handshake.length) {
      socket.end(bytes.subarray(0, end));
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  try {
    return await runAll(mutationsOf(options), 1, async (mutation) => {
      bytes = mutation.bytes;
      await oneClient(options.scenario, path, mutation.name);
    });
  } finally {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function oneClient(scenario: Scenario, path: string, name: string): Promise<void> {
  // Most of what is wrong ends the connection; a handshake that only waits for more is cut short.
  const limits = { handshakeTimeoutMs: 50, connectTimeoutMs: 20_000, reconnectMinMs: 20_000 };
  const client = scenario.createClient({ path }, { ...limits, reconnectMaxMs: 20_000 });
  try {
    await converse(client);
  } catch (error) {
    if (!(error instanceof RpcError)) {
      throw new Error(`after ${name}`, { cause: error });
    }
  } finally {
    await client.close();
  }
  if (client.counters.connectionsOpened !== client.counters.connectionsClosed) {
    throw new Error(`after ${name}: a connection is left`);
  }
}

function* mutationsOf(options: ClientFuzzOptions): Generator<Mutation> {
  const random = new SeededRandom(options.seed);
  let count = 0;
  for (const mutation of everyByteAndLength(options.frames, random)) {
    if (count++ % options.every === 0) {
      yield mutation;
    }
  }
  for (let left = options.randomMutations; left > 0; left--) {
    yield randomMutation(options.frames, random);
  }
}
