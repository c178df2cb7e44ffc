import { describe, expect, test } from "vitest";
import { addService, createClient } from "../src/index.ts";
import { writeText } from "./support/bodies.ts";
import { ChatDefinition, command, line, linesOf, startChat } from "./support/chat.ts";
import { collect } from "./support/collect.ts";
import { failureOf } from "./support/failure.ts";
import { forever } from "./support/forever.ts";
import { rawClient } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { MethodCallOptions, RpcError, ServiceClient, ServiceContext } from "../src/index.ts";
import type { Line } from "../examples/src/gen/chat.ts";
import type { Chat } from "./support/chat.ts";

describe("cancelling", () => {
  /** Waits in every method; what each has seen of its end. */
  function waiting(): { readonly chat: Chat; readonly ends: RpcError[]; started: () => number } {
    const ends: RpcError[] = [];
    let started = 0;
    const wait = async (context: ServiceContext): Promise<never> => {
      started++;
      try {
        return await forever(context.signal);
      } catch (error) {
        ends.push(error as RpcError);
        throw error;
      }
    };
    return {
      ends,
      started: () => started,
      chat: {
        rooms: (_request, context) => wait(context),
        async *history(_request, context) {
          yield line("first");
          await wait(context);
        },
        import: (_lines, context) => wait(context),
        async *join(_lines, context) {
          yield await wait(context);
        },
      },
    };
  }

  const methods: ((
    chat: ServiceClient<typeof ChatDefinition>,
    options: MethodCallOptions,
  ) => Promise<unknown>)[] = [
    (chat, options) => chat.rooms({ prefix: "" }, options),
    (chat, options) => collect(chat.history({ room: "" }, options)),
    (chat, options) => chat.import(linesOf("x"), options),
    (chat, options) => collect(chat.join(linesOf("x"), options)),
  ];

  test.each(methods)("by a signal ends the call at both sides (%#)", async (call) => {
    const { chat: implementation, ends, started } = waiting();
    const { chat } = await startChat(implementation);
    const controller = new AbortController();
    const failure = failureOf(call(chat, { signal: controller.signal }));
    await until(() => started() === 1, "the call");
    controller.abort(new Error("no longer wanted"));
    expect(await failure).toMatchObject({
      code: "DT_RPC_CANCELLED",
      mayHaveExecuted: true,
      cause: { message: "no longer wanted" },
    });
    await until(() => ends.length === 1, "the end of the implementation");
    expect(ends[0]?.code).toBe("DT_RPC_CANCELLED");
  });

  test.each(methods)("before the call sends nothing (%#)", async (call) => {
    const { chat: implementation, started } = waiting();
    const { chat, client } = await startChat(implementation);
    const sent = client.counters.framesOut;
    const failure = await failureOf(call(chat, { signal: AbortSignal.abort("never") }));
    expect(failure).toMatchObject({
      code: "DT_RPC_CANCELLED",
      mayHaveExecuted: false,
      cause: "never",
    });
    expect([client.counters.framesOut, started()]).toEqual([sent, 0]);
  });

  test.each(methods)("by the deadline ends the call at both sides (%#)", async (call) => {
    const { chat: implementation, ends } = waiting();
    const { chat } = await startChat(implementation);
    expect((await failureOf(call(chat, { timeoutMs: 40 }))).code).toBe("DT_RPC_TIMEOUT");
    await until(() => ends.length === 1, "the end of the implementation");
    expect(ends[0]?.code).toBe("DT_RPC_TIMEOUT");
  });

  test("by the end of the connection reaches calls that were given the same number", async () => {
    const { chat: implementation, ends, started } = waiting();
    const { address, server } = await startChat(implementation);
    const peer = await rawClient(address);
    const rooms = command("Rooms").toString(16).padStart(4, "0");
    peer.send(`0000000c 1100 ${rooms} 00000007 00000000`.repeat(3));
    await until(() => started() === 3, "the calls");
    peer.socket.destroy();
    await until(() => ends.length === 3, "the ends of the implementation");
    await until(() => server.connections.size === 1, "the end of the connection");
  });

  test("is not needed by a one-way, which no method is called by", async () => {
    const { chat: implementation, started } = waiting();
    const { client, server } = await startChat(implementation);
    for (const method of ["Rooms", "History", "Import", "Join"]) {
      client.oneWay(command(method), 0, writeText, "");
    }
    await until(() => server.counters.droppedReplies === 4, "the one-ways");
    expect(started()).toBe(0);
  });

  test.each(methods)("by the end of the connection ends it at both sides (%#)", async (call) => {
    const { chat: implementation, ends, started } = waiting();
    const { chat, client, far } = await startChat(implementation);
    const failure = failureOf(call(chat, {}));
    await until(() => started() === 1, "the call");
    await client.close();
    expect((await failure).code).toBe("DT_RPC_CLOSED");
    await until(() => ends.length === 1, "the end of the implementation");
    expect(ends[0]?.code).toMatch(/DT_RPC_(CLOSED|CONNECTION_LOST)/);
    expect(far.streams.count).toBe(0);
  });

  test("by leaving the loop stops the method's generator", async () => {
    let isStopped = false;
    const { chat } = await startChat({
      async *history() {
        try {
          for (;;) {
            yield line("more");
          }
        } finally {
          isStopped = true;
        }
      },
    });
    for await (const { text } of chat.history({ room: "" })) {
      expect(text).toBe("more");
      break;
    }
    await until(() => isStopped, "the end of the generator");
  });

  test("by the method itself stops the caller's source", async () => {
    let isStopped = false;
    const source = async function* (): AsyncGenerator<Line> {
      try {
        for (;;) {
          yield line("x");
        }
      } finally {
        isStopped = true;
      }
    };
    const { chat } = await startChat({
      async import(lines) {
        for await (const _line of lines) {
          return { lines: 1 };
        }
        return { lines: 0 };
      },
    });
    expect(await chat.import(source())).toEqual({ lines: 1 });
    await until(() => isStopped, "the end of the source");
  });

  test("goes on to the calls made in its name, as deadlines and traces do", async () => {
    const { chat: implementation, ends, started } = waiting();
    const contexts: ServiceContext[] = [];
    const { chat, client, far } = await startChat({
      rooms: (request, context) => {
        contexts.push(context);
        const back = createClient(ChatDefinition, context.connection);
        return back.rooms(request, { parent: context });
      },
    });
    addService(client.commands, ChatDefinition, {
      ...implementation,
      rooms: (request, context) => {
        contexts.push(context);
        return implementation.rooms(request, context);
      },
    });
    const controller = new AbortController();
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const parent = { deadlineMs: performance.now() + 20_000, traceparent };
    const failure = failureOf(chat.rooms({ prefix: "" }, { signal: controller.signal, parent }));
    await until(() => started() === 1, "the nested call");
    const [outer, inner] = contexts;
    expect(inner?.remainingMs).toBeLessThanOrEqual(20_001);
    expect(outer?.remainingMs).toBeLessThanOrEqual(20_001);
    expect([outer?.traceparent, inner?.traceparent]).toEqual([traceparent, traceparent]);
    controller.abort();
    expect((await failure).code).toBe("DT_RPC_CANCELLED");
    await until(() => ends.length === 1, "the end of the nested call");
    await until(() => far.pendingCalls === 0, "the end of the server's call");
  });

  test("by the iterable of the requests itself, while it makes one, ends the call and it", async () => {
    const { chat } = await startChat();
    const controller = new AbortController();
    const seen: string[] = [];
    const requests = function* (): Generator<Line> {
      try {
        yield line("first");
        controller.abort();
        seen.push("aborted");
        yield line("never sent");
        seen.push("read on");
      } finally {
        seen.push("ended");
      }
    };
    const { signal } = controller;
    expect((await failureOf(chat.import(requests(), { signal }))).code).toBe("DT_RPC_CANCELLED");
    await until(() => seen.length > 1, "the end of the iterable");
    expect(seen).toEqual(["aborted", "ended"]);
  });

  test("ends the call also when the iterable of the requests throws at its own end", async () => {
    const { chat, far } = await startChat();
    const requests = function* (): Generator<Line> {
      try {
        for (;;) {
          yield line("more");
        }
      } finally {
        // eslint-disable-next-line no-unsafe-finally
        throw new Error("a bug at the end");
      }
    };
    const controller = new AbortController();
    const { signal } = controller;
    const failure = failureOf(chat.import(requests(), { signal }));
    await until(() => far.streams.count === 1, "the stream");
    controller.abort();
    expect((await failure).code).toBe("DT_RPC_CANCELLED");
  });

  test("is not needed for requests that cannot be iterated: nothing is opened for them", async () => {
    const { chat, near } = await startChat();
    const nothing = null as unknown as Line[];
    await expect(chat.import(nothing)).rejects.toThrow(TypeError);
    await expect(collect(chat.join(nothing))).rejects.toThrow(TypeError);
    expect([near.streams.count, near.pendingCalls]).toEqual([0, 0]);
  });

  test("one thousand calls of every kind at random moments leaves nothing", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return (seed >>> 8) % below;
    };
    const history = (): AsyncGenerator<Line> => linesOf(...Array.from({ length: 26 }, String));
    const { chat, near, far } = await startChat({ history }, { maxStreams: 1000 });
    const endless = async function* (signal: AbortSignal): AsyncGenerator<Line> {
      while (!signal.aborted) {
        yield line("x");
      }
    };
    const ends = Array.from({ length: 1000 }, async (_, index) => {
      const controller = new AbortController();
      const { signal } = controller;
      const call = [
        () => chat.rooms({ prefix: "" }, { signal }),
        () => collect(chat.history({ room: "" }, { signal })),
        () => chat.import(endless(signal), { signal }),
        () => collect(chat.join(endless(signal), { signal })),
      ][index % 4] as () => Promise<unknown>;
      const end = call().then(
        () => "ok",
        (error: RpcError) => error.code,
      );
      for (let turns = random(20); turns > 0; turns--) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      controller.abort();
      return end;
    });
    const outcomes = new Set(await Promise.all(ends));
    expect([...outcomes].sort()).toEqual(["DT_RPC_CANCELLED", "ok"]);
    await until(() => far.inFlightRequests === 0, "the end of every request");
    expect([near.streams.count, far.streams.count, near.pendingCalls]).toEqual([0, 0, 0]);
  });
});
