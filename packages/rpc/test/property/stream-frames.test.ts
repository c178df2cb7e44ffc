import fc from "fast-check";
import { expect, test } from "vitest";
import { createClient } from "../../src/index.ts";
import { ArchiveDefinition, ChatDefinition } from "../../examples/src/gen/chat.ts";
import { methodCommand } from "../../src/index.ts";
import { startPair } from "../support/pair.ts";
import { rawClient } from "../support/raw-peer.ts";
import { until } from "../support/until.ts";
import type { Line } from "../../examples/src/gen/chat.ts";

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function frame(head: string, body: string): string {
  return `${hex(head.length / 2 + body.length / 2, 8)}${head}${body}`;
}

const JOIN = methodCommand("examples.chat.Chat", "Join");
const HISTORY = methodCommand("examples.chat.Archive", "History");
const IMPORT = methodCommand("examples.chat.Archive", "Import");
const ROOMS = methodCommand("examples.chat.Chat", "Rooms");

const seq = fc.constantFrom(9, 10, 11).map((value) => hex(value, 8));
const u32 = fc.constantFrom(0, 1, 2, 1000, 0xffff_ffff).map((value) => hex(value, 8));
const line = Buffer.from("0a0172120161 1a026869".replace(" ", ""), "hex").toString("hex");
const body = fc.oneof(
  fc.constantFrom("", line, line, "ff"),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("hex")),
);
const side = fc.constantFrom("00000000", "00000000", "00000000", "00000001");

/** Opens a stream, with any grant, of any method. */
const opening = fc
  .tuple(fc.constantFrom(JOIN, HISTORY, IMPORT, ROOMS), seq, u32, u32, body)
  .map(([command, id, messages, bytes, rest]) =>
    frame(`1102${hex(command, 4)}${id}00000000`, `000b040008${messages}${bytes}${rest}`),
  );
const data = fc
  .tuple(seq, side, body)
  .map(([id, from, rest]) => frame(`13000008${id}${from}`, rest));
const credit = fc
  .tuple(seq, side, u32, u32)
  .map(([id, from, messages, bytes]) => frame(`13000009${id}${from}`, messages + bytes));
const odd = fc
  .tuple(fc.constantFrom("0009", "000a", "000b"), seq, side, body)
  .map(([command, id, from, rest]) => frame(`1300${command}${id}${from}`, rest));
const end = fc.tuple(seq, side).map(([id, from]) => frame(`1300000a${id}${from}`, ""));

test("stream frames in any order and state end no connection and leave nothing behind", async () => {
  const { server, client, address } = await startPair({ streamWindowMessages: 4 });
  server.addService(ChatDefinition, {
    rooms: () => ({ rooms: [] }),
    async *join(lines) {
      yield* lines;
    },
  });
  server.addService(ArchiveDefinition, {
    async *history() {
      for (let count = 0; count < 20; count++) {
        yield { room: "r", author: "a", text: "t" };
      }
    },
    async import(lines) {
      let count = 0;
      for await (const _line of lines) {
        count++;
      }
      return { lines: count };
    },
  });
  const chat = createClient(ChatDefinition, client);
  const rooms = frame(`1100${hex(ROOMS, 4)}0000006300000000`, "");
  const answer = `0000000c1200${hex(ROOMS, 4)}0000006300000000`;
  const frames = fc.array(fc.oneof(opening, data, data, credit, odd, end), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(frames, async (sent) => {
      const peer = await rawClient(address);
      peer.send(sent.join("") + rooms);
      // Whatever else is answered, what comes last is too.
      while ((await peer.frame()) !== answer) {
        // Credit, messages, answers and refusals.
      }
      peer.socket.destroy();
    }),
    { numRuns: 150 },
  );
  await until(() => server.connections.size === 1, "the end of the raw connections");
  const [left] = server.connections;
  expect(left?.streams.count).toBe(0);
  const mine: Line = { room: "r", author: "a", text: "still here" };
  for await (const echoed of chat.join([mine])) {
    expect(echoed).toEqual(mine);
  }
  expect(server.counters.malformedFrames).toBe(0);
}, 60_000);
