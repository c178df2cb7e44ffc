import { CodecError } from "@dt/codec";
import { describe, expect, test } from "vitest";
import { ServiceError, Status, errorDetail } from "../src/index.ts";
import { RoomFull } from "../examples/src/gen/chat.ts";
import { line, linesOf, startChat } from "./support/chat.ts";
import { collect, failureOfLoop } from "./support/collect.ts";
import { failureOf } from "./support/failure.ts";
import type { Line } from "../examples/src/gen/chat.ts";
import type { Chat } from "./support/chat.ts";

describe("an error of a method", () => {
  const full = { room: "r", members: 7 };

  test.each<keyof Chat>(["rooms", "history", "import", "join"])(
    "%s arrives with its code, message and typed detail",
    async (method) => {
      const fail = (): never => {
        const error = new ServiceError(Status.denied, "CHAT_ROOM_FULL", "7 are there already");
        throw error.with(RoomFull, full);
      };
      const { chat } = await startChat({
        rooms: fail,
        async *history() {
          yield line("one");
          fail();
        },
        async import(lines) {
          for await (const _first of lines) {
            fail();
          }
          return { lines: 0 };
        },
        join: fail,
      });
      const seen: Line[] = [];
      const calls = {
        rooms: () => chat.rooms({ prefix: "" }),
        history: async () => {
          for await (const one of chat.history({ room: "" })) {
            seen.push(one);
          }
        },
        import: () => chat.import(linesOf("x", "y")),
        join: () => collect(chat.join([])),
      };
      const error = await failureOf(calls[method]());
      expect(error).toMatchObject({
        code: "DT_RPC_REMOTE",
        status: Status.denied,
        remoteCode: "CHAT_ROOM_FULL",
        fault: { remoteMessage: "7 are there already" },
      });
      expect(errorDetail(error, "CHAT_ROOM_FULL", RoomFull)).toEqual(full);
      expect(errorDetail(error, "ANOTHER", RoomFull)).toBeNull();
      expect(errorDetail(new Error("x"), "CHAT_ROOM_FULL", RoomFull)).toBeNull();
      expect(seen).toHaveLength(method === "history" ? 1 : 0);
    },
  );

  test("that is none of the service's is INTERNAL", async () => {
    const { chat } = await startChat({
      rooms: () => Promise.reject(new Error("a bug")),
      history: () => null as unknown as AsyncIterable<Line>,
    });
    expect(await failureOf(chat.rooms({ prefix: "" }))).toMatchObject({
      status: Status.internal,
      remoteCode: "DT_RPC_HANDLER_FAILED",
    });
    expect(await failureOfLoop(chat.history({ room: "" }))).toMatchObject({
      status: Status.internal,
    });
  });

  test("is INTERNAL, and may have come late, when it is a CodecError of something else", async () => {
    const fail = (): never => {
      throw new CodecError({ code: "DT_CODEC_TRUNCATED", wantedBytes: 4, leftBytes: 1 });
    };
    for (const rooms of [fail, async () => fail()]) {
      const { chat } = await startChat({ rooms });
      expect(await failureOf(chat.rooms({ prefix: "" }))).toMatchObject({
        status: Status.internal,
        remoteCode: "DT_RPC_HANDLER_FAILED",
        mayHaveExecuted: true,
      });
    }
  });

  test("in a message that cannot be encoded ends its call alone, at either side", async () => {
    const broken = { room: 1, author: 2, text: 3 } as unknown as Line;
    const { chat } = await startChat({
      async *history() {
        yield broken;
      },
      rooms: () => ({ rooms: null }) as unknown as { rooms: string[] },
    });
    expect(await failureOfLoop(chat.history({ room: "" }))).toMatchObject({
      status: Status.internal,
    });
    expect(await failureOf(chat.rooms({ prefix: "" }))).toMatchObject({
      remoteCode: "DT_RPC_REPLY_ENCODE",
    });
    expect(await failureOf(chat.import([broken]))).toMatchObject({ code: "DT_RPC_CANCELLED" });
    expect(await failureOf(chat.rooms({ prefix: 5 as unknown as string }))).toMatchObject({
      code: "DT_RPC_ENCODE",
    });
  });

  test("of the requests' iterable gives the call up, with the error as its cause", async () => {
    const { chat } = await startChat();
    const source = async function* (): AsyncGenerator<Line> {
      yield line("one");
      throw new Error("the source broke");
    };
    const calls = [failureOf(chat.import(source())), failureOfLoop(chat.join(source()))];
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({
        code: "DT_RPC_CANCELLED",
        cause: { message: "the source broke" },
      });
    }
  });
});
