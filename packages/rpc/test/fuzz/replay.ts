import { connect } from "node:net";
import { FrameDecoder } from "@dt/codec";
import type { Address } from "../../src/index.ts";
import type { Frames, Mutation } from "./mutation.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A server that has not closed by then hangs. */
const HANG_MS = 60_000;

/**
 * Sends the bytes in a few pieces, then ends, and resolves with what came back until the other side
 * had closed. Rejects when it does not close.
 */
export function exchange(address: Address, pieces: readonly Uint8Array[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ ...address });
    const timer = setTimeout(() => {
      reject(new Error("the server does not close the connection"));
    }, HANG_MS);
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    // The server may close before it has read everything: what counts is that it closes.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received));
    });
    for (const piece of pieces) {
      socket.write(piece);
    }
    socket.end();
  });
}

/** What a server answers to the first frames of a conversation, for every number of them. */
export async function soundReplies(address: Address, frames: Frames): Promise<Buffer[]> {
  const replies: Buffer[] = [];
  for (let count = 0; count <= frames.length; count++) {
    replies.push(await exchange(address, [Buffer.concat(frames.slice(0, count))]));
  }
  return replies;
}

/** Replays mutations against a server and checks what comes back. */
export class Replay {
  readonly #address: Address;
  readonly #replies: readonly Buffer[];
  readonly #random: SeededRandom;

  constructor(address: Address, replies: readonly Buffer[], random: SeededRandom) {
    this.#address = address;
    this.#replies = replies;
    this.#random = random;
  }

  async run(mutation: Mutation): Promise<void> {
    const { bytes, name, soundFrames } = mutation;
    const cut = this.#random.below(bytes.length + 1);
    const pieces =
      this.#random.below(4) === 0 ? [bytes.subarray(0, cut), bytes.subarray(cut)] : [bytes];
    let received: Buffer;
    try {
      received = await exchange(this.#address, pieces);
      checkFrames(received);
    } catch (error) {
      throw new Error(`after ${name}`, { cause: error });
    }
    const expected = this.#replies[soundFrames] ?? Buffer.alloc(0);
    if (!received.subarray(0, expected.length).equals(expected)) {
      const hex = { sent: bytes.toString("hex"), received: received.toString("hex") };
      throw new Error(`after ${name}: the frames before it were answered otherwise`, {
        cause: JSON.stringify({ pieces: pieces.length, cut, soundFrames, ...hex }),
      });
    }
  }
}

/** Whole frames, each a response, a one-way of rpc itself or a ping. */
function checkFrames(received: Buffer): void {
  let end = 0;
  const onFrame = (buf: Buffer, start: number, frameEnd: number): void => {
    end = frameEnd;
    const kind = buf.readUInt8(start);
    if (kind !== 0x12 && kind !== 0x13 && kind !== 0x11) {
      throw new Error(`the server sent a frame of kind ${kind}`);
    }
  };
  new FrameDecoder({ maxFrameBytes: 64 * 1024, minFrameBytes: 12 }, { onFrame }).push(received);
  if (end !== received.length) {
    throw new Error("the server sent a part of a frame");
  }
}

/** Takes from the mutations with so many at a time, and stops at the first failure. */
export async function runAll(
  mutations: Iterator<Mutation>,
  concurrency: number,
  run: (mutation: Mutation) => Promise<void>,
): Promise<number> {
  let count = 0;
  let hasFailed = false;
  const workers = Array.from({ length: concurrency }, async () => {
    for (let next = mutations.next(); next.done !== true && !hasFailed; next = mutations.next()) {
      try {
        await run(next.value);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
      count++;
    }
  });
  await Promise.all(workers);
  return count;
}
