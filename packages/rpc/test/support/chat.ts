import { onTestFinished } from "vitest";
import { createClient, methodCommand } from "../../src/index.ts";
import { ArchiveDefinition, ChatDefinition as OnlyChat } from "../../examples/src/gen/chat.ts";
import { startPair } from "./pair.ts";
import { until } from "./until.ts";
import type { ServiceClient, ServiceImplementation } from "../../src/index.ts";
import type { Line } from "../../examples/src/gen/chat.ts";
import type { Pair } from "./pair.ts";

/** One service with a method of each kind. */
export const ChatDefinition = {
  ...OnlyChat,
  methods: { ...OnlyChat.methods, ...ArchiveDefinition.methods },
} as const;

export type Chat = ServiceImplementation<typeof ChatDefinition>;

export function line(text: string, room = "r"): Line {
  return { room, author: "a", text };
}

export function command(method: string): number {
  return methodCommand("examples.chat.Chat", method);
}

export async function* linesOf(...texts: string[]): AsyncGenerator<Line> {
  for (const text of texts) {
    yield line(text);
  }
}

/** An implementation that answers at once. */
export const plain: Chat = {
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

/** A pair whose server has the service. When the test ends nothing may be left of its calls. */
export async function startChat(
  implementation: Partial<Chat> = {},
  serverOptions = {},
): Promise<Pair & { readonly chat: ServiceClient<typeof ChatDefinition> }> {
  const pair = await startPair(serverOptions);
  const { near, far } = pair;
  onTestFinished(() =>
    until(
      () => near.streams.count + far.streams.count + near.pendingCalls + far.inFlightRequests === 0,
      "the end of every call",
    ),
  );
  pair.server.addService(ChatDefinition, { ...plain, ...implementation });
  return { ...pair, chat: createClient(ChatDefinition, pair.client) };
}
