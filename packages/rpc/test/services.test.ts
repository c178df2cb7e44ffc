import { afterEach, describe, expect, test } from "vitest";
import {
  CommandTable,
  RpcClient,
  ServiceError,
  Status,
  addService,
  createClient,
  errorDetail,
  methodCommand,
} from "../src/index.ts";
import {
  ArchiveDefinition,
  ChatDefinition as OnlyChat,
  RoomFull,
} from "../examples/src/gen/chat.ts";
import { ECHO, readText, writeBytes, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import { rawClient } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { Line } from "../examples/src/gen/chat.ts";
import type {
  Connection,
  MethodCallOptions,
  RpcError,
  ServiceClient,
  ServiceContext,
  ServiceImplementation,
} from "../src/index.ts";
import type { Pair } from "./support/pair.ts";

/** One service with a method of each kind. */
const ChatDefinition = {
  ...OnlyChat,
  methods: { ...OnlyChat.methods, ...ArchiveDefinition.methods },
} as const;

type Chat = ServiceImplementation<typeof ChatDefinition>;

function line(text: string, room = "r"): Line {
  return { room, author: "a", text };
}

function command(method: string): number {
  return methodCommand("examples.chat.Chat", method);
}

async function* linesOf(...texts: string[]): AsyncGenerator<Line> {
  for (const text of texts) {
    yield line(text);
  }
}

/** Never settles: what waits for it ends only when it is cancelled. */
function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });
}

const plain: Chat = {
  rooms: ({ prefix }) => ({ rooms: [`${prefix}1`, `${prefix}2`] }),
  async *history({ room }) {
    for (let count = 0; count < 1000; count++) {
      yield line(`${count}`, room);
    }
  },
  async import(lines) {
    let count = 0;
    for await (const { text } of lines) {
      count += text.length > 0 ? 1 : 0;
    }
    return { lines: count };
  },
  async *join(lines) {
    for await (const { text } of lines) {
      yield line(text.toUpperCase());
    }
  },
};

let lastPair: Pair | null = null;

async function startChat(
  implementation: Partial<Chat> = {},
  serverOptions = {},
): Promise<Pair & { readonly chat: ServiceClient<typeof ChatDefinition> }> {
  const pair = await startPair(serverOptions);
  pair.server.addService(ChatDefinition, { ...plain, ...implementation });
  lastPair = pair;
  return { ...pair, chat: createClient(ChatDefinition, pair.client) };
}

// Whatever a test did to its calls, nothing of them is left.
afterEach(async () => {
  const pair = lastPair;
  lastPair = null;
  if (pair !== null) {
    const { near, far } = pair;
    await until(
      () => near.streams.count + far.streams.count + near.pendingCalls + far.inFlightRequests === 0,
      "the end of every call",
    );
  }
});

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) {
    all.push(message);
  }
  return all;
}

async function failureOfLoop(messages: AsyncIterable<unknown>): Promise<RpcError> {
  return failureOf(collect(messages));
}

describe("a typed method", () => {
  test("is called: unary, server, client and bidirectional streaming", async () => {
    const { chat } = await startChat();
    expect(await chat.rooms({ prefix: "x" })).toEqual({ rooms: ["x1", "x2"] });
    const history = await collect(chat.history({ room: "k" }));
    expect(history.map(({ text }) => text)).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    expect(await chat.import(linesOf("a", "", "c"))).toEqual({ lines: 2 });
    expect(await chat.import([line("from an array")])).toEqual({ lines: 1 });
    const echoed = await collect(chat.join(linesOf("hi", "ho")));
    expect(echoed.map(({ text }) => text)).toEqual(["HI", "HO"]);
    expect(await collect(chat.join([]))).toEqual([]);
  });

  test("takes many calls at a time", async () => {
    const { chat } = await startChat();
    const calls = Array.from({ length: 200 }, async (_, index) => {
      const texts = Array.from({ length: index % 7 }, (_unused, count) => `${index}-${count}`);
      const lines = await collect(chat.join(linesOf(...texts)));
      expect(lines.map(({ text }) => text)).toEqual(texts);
      expect((await chat.rooms({ prefix: `${index}` })).rooms[0]).toBe(`${index}1`);
    });
    await Promise.all(calls);
  });

  test("keeps messages in order through a window of two", async () => {
    const { chat } = await startChat({}, { streamWindowMessages: 2 });
    const texts = Array.from({ length: 500 }, (_, index) => `t${index}`);
    const lines = await collect(chat.join(linesOf(...texts)));
    expect(lines.map(({ text }) => text)).toEqual(texts.map((text) => text.toUpperCase()));
  });

  test("of a client is called by its server", async () => {
    const { client, far } = await startChat();
    addService(client.commands, ChatDefinition, plain);
    const chat = createClient(ChatDefinition, far);
    expect(await chat.rooms({ prefix: "p" })).toEqual({ rooms: ["p1", "p2"] });
    expect(await collect(chat.join(linesOf("up")))).toMatchObject([{ text: "UP" }]);
  });

  test("of a group is called with its id", async () => {
    const { server, client } = await startPair();
    const table = new CommandTable();
    addService(table, ChatDefinition, plain);
    server.groups.register(7, table);
    const chat = createClient(ChatDefinition, client, { groupId: 7 });
    expect(await chat.rooms({ prefix: "g" })).toEqual({ rooms: ["g1", "g2"] });
    expect(await collect(chat.join(linesOf("g")))).toMatchObject([{ text: "G" }]);
    await server.groups.drain(7);
    expect(await failureOfLoop(chat.join([]))).toMatchObject({ status: Status.groupStopped });
  });
});

describe("a service", () => {
  test("is registered whole or not at all", async () => {
    const { server } = await startPair();
    const { rooms, history, join } = plain;
    expect(() => server.addService(ChatDefinition, { rooms, history, join } as Chat)).toThrow(
      expect.objectContaining({
        code: "DT_RPC_SERVICE",
        fault: expect.objectContaining({ problems: [expect.stringMatching(/import/)] }),
      }),
    );
    server.commands.on(300, () => {});
    expect(() => server.addService(ChatDefinition, plain, { commands: { join: 300 } })).toThrow(
      /taken/,
    );
    server.addService(ChatDefinition, plain);
    expect(() => server.addService(ChatDefinition, plain)).toThrow(/taken/);
  });

  test("has the commands that both sides have chosen", async () => {
    const { server, client } = await startPair();
    const commands = { rooms: 300, join: 301 };
    server.addService(ChatDefinition, plain, { commands });
    const chat = createClient(ChatDefinition, client, { commands });
    expect((await chat.rooms({ prefix: "" })).rooms).toHaveLength(2);
    expect(server.commands.find(300)).not.toBeNull();
    expect(server.commands.find(command("Rooms"))).toBeNull();
  });
});

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

describe("garbage", () => {
  test("in place of a request is INVALID for that call only", async () => {
    const { chat, near } = await startChat();
    const garbage = Buffer.from("ffffffffffff", "hex");
    for (const method of ["Rooms", "History"]) {
      const error = await failureOf(
        near.call(command(method), 0, 5000, writeBytes, garbage, readText),
      );
      expect(error).toMatchObject({
        status: Status.invalid,
        remoteCode: "DT_RPC_BAD_REQUEST",
        mayHaveExecuted: false,
      });
    }
    expect((await chat.rooms({ prefix: "" })).rooms).toHaveLength(2);
  });

  test("in a stream of requests is INVALID for that stream only", async () => {
    const seen: unknown[] = [];
    const { server, near } = await startChat({
      async import(lines) {
        try {
          await collect(lines);
        } catch (error) {
          seen.push(error);
          throw error;
        }
        return { lines: 0 };
      },
    });
    const { openStream } = await import("./support/stream-log.ts");
    const { stream, outcome } = openStream(near, command("Import"));
    await until(() => stream.send(writeBytes, Buffer.from("ffff", "hex")), "credit");
    await until(() => outcome.count === 1, "the refusal");
    expect(outcome.failures[0]).toMatchObject({
      status: Status.invalid,
      remoteCode: "DT_RPC_STREAM_MESSAGE",
    });
    await until(() => seen.length === 1, "the implementation's end");
    expect(seen[0]).toMatchObject({ code: "DT_RPC_STREAM" });
    expect(server.connections.size).toBe(1);
  });

  test("in place of a response fails that call only", async () => {
    const { server, client } = await startPair();
    const commands = { rooms: 300, history: 301, import: 302, join: 303 };
    const garbage = Buffer.from("ffff", "hex");
    server.commands.on(300, (request) => request.replyBytes(garbage));
    const { StreamLog, NO_WINDOW } = await import("./support/stream-log.ts");
    server.commands.on(301, (request) => {
      request.connection.streams
        .accept(request, NO_WINDOW, new StreamLog())
        ?.stream.send(writeBytes, garbage);
    });
    const chat = createClient(ChatDefinition, client, { commands });
    expect((await failureOf(chat.rooms({ prefix: "" }))).code).toBe("DT_RPC_BAD_REPLY");
    // @ts-expect-error a request of another type does not compile
    expect((await failureOf(chat.rooms({ room: 5 }))).code).toBe("DT_RPC_ENCODE");
    expect((await failureOfLoop(chat.history({ room: "" }))).code).toBe("DT_RPC_BAD_REPLY");
    expect(await client.call(ECHO, 0, 5000, writeText, "x", readText)).toBe("x");
  });

  test("a call of the wrong kind is refused", async () => {
    const { near } = await startChat();
    const { openStream } = await import("./support/stream-log.ts");
    const { outcome } = openStream(near, command("Rooms"));
    await until(() => outcome.count === 1, "the refusal");
    expect(outcome.failures[0]).toMatchObject({ remoteCode: "DT_RPC_STREAM_KIND" });
    const error = await failureOf(near.call(command("Join"), 0, 0, writeText, "", readText));
    expect(error).toMatchObject({ remoteCode: "DT_RPC_STREAM_KIND", mayHaveExecuted: false });
  });
});

describe("a slow reader", () => {
  test("stops the other side's source, in both directions", async () => {
    let produced = 0;
    const source = async function* (): AsyncGenerator<Line> {
      for (;;) {
        produced++;
        yield line("x".repeat(100));
      }
    };
    const { chat, near, far } = await startChat(
      { history: () => source(), import: (_lines, { signal }) => forever(signal) },
      { streamWindowMessages: 16 },
    );
    const responses = chat.history({ room: "" });
    await until(() => produced > 100, "the first messages");
    for (let turn = 0; turn < 50; turn++) {
      await near.call(ECHO, 0, 0, writeText, "", readText);
    }
    // What the client's window holds, and the one message that waits for credit.
    expect(produced).toBe(257);
    for (let count = 0; count < 300; count++) {
      await responses.next();
    }
    await until(() => produced > 400, "more messages");
    await responses.return?.();
    produced = 0;
    const controller = new AbortController();
    const call = failureOf(chat.import(source(), { signal: controller.signal }));
    await until(() => produced === 17, "the server's window");
    for (let turn = 0; turn < 50; turn++) {
      await near.call(ECHO, 0, 0, writeText, "", readText);
    }
    expect(produced).toBe(17);
    expect(far.bufferedBytes + near.bufferedBytes).toBeLessThan(4096);
    controller.abort();
    expect((await call).code).toBe("DT_RPC_CANCELLED");
  });
});

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

test("without a connection every kind of call says so", async () => {
  const client = new RpcClient({ address: { host: "127.0.0.1", port: 1 } });
  const chat = createClient(ChatDefinition, client);
  const errors = await Promise.all([
    failureOf(chat.rooms({ prefix: "" })),
    failureOfLoop(chat.history({ room: "" })),
    failureOf(chat.import([])),
    failureOfLoop(chat.join([])),
  ]);
  expect(errors.map(({ code }) => code)).toEqual(errors.map(() => "DT_RPC_NOT_CONNECTED"));
  await client.close();
});

test("a connection's own channel is the connection", async () => {
  const { server, near } = await startPair();
  server.addService(ChatDefinition, plain);
  const channel: Connection = near;
  const chat = createClient(ChatDefinition, channel, { timeoutMs: 5000 });
  expect((await chat.rooms({ prefix: "" })).rooms).toHaveLength(2);
});
