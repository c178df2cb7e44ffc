// How many messages of a stream go over one loopback connection a second, by callbacks and by typed
// methods, and how many typed unary calls? Client and server share this process.
//
//   node dist/bench/stream.bench.js [--seconds 1] [--runs 3] [--payload 128]
import { parseArgs } from "node:util";
import { RpcClient, RpcServer, createClient } from "../src/index.ts";
import { ArchiveDefinition, ChatDefinition } from "../examples/src/gen/chat.ts";
import type { ByteWriter } from "@dt/codec";
import type { RpcError, Stream, StreamConsumer } from "../src/index.ts";
import type { Line } from "../examples/src/gen/chat.ts";

const PUSH = 256;
const CALLERS = 100;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "1" },
    runs: { type: "string", default: "3" },
    payload: { type: "string", default: "128" },
  },
});
const payload = Buffer.alloc(Number(values.payload), 7);
const line: Line = { room: "r", author: "a", text: "x".repeat(payload.length) };
let endMs = 0;

function writeBytes(writer: ByteWriter, bytes: Buffer): void {
  writer.bytes(bytes);
}

function writeNothing(): void {}

/** Sends as fast as it is allowed to. */
class Sender implements StreamConsumer {
  stream: Stream | null = null;
  messages = 0;

  onWritable(): void {
    while (this.stream?.send(writeBytes, payload) === true) {
      this.messages++;
    }
  }

  onMessage(): void {}
  onEnd(): void {}
  onAbort(): void {}
}

/** Counts what it is sent, until the time is over. */
class Reader implements StreamConsumer {
  stream: Stream | null = null;
  messages = 0;

  onMessage(_body: Buffer, start: number, end: number): void {
    this.messages++;
    this.stream?.consumed(1, end - start);
  }

  onWritable(): void {}
  onEnd(): void {}
  onAbort(): void {}
}

const server = new RpcServer();
server.commands.on(PUSH, (request) => {
  const sender = new Sender();
  const { streams } = request.connection;
  sender.stream = streams.accept(request, { messages: 0, bytes: 0 }, sender)?.stream ?? null;
  sender.onWritable();
});
server.addService(ChatDefinition, {
  rooms: ({ prefix }) => ({ rooms: [prefix] }),
  async *join(lines) {
    yield* lines;
  },
});
server.addService(ArchiveDefinition, {
  async *history() {
    for (;;) {
      yield line;
    }
  },
  import: () => ({ lines: 0 }),
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });
const client = new RpcClient({ address });
await client.connect();
const chat = createClient(ChatDefinition, client);
const archive = createClient(ArchiveDefinition, client);

function pushed(): Promise<number> {
  const { connection } = client;
  if (connection === null) {
    throw new Error("not connected");
  }
  return new Promise((resolve, reject) => {
    const reader = new Reader();
    const completion = {
      onReply: () => reject(new Error("the stream has ended")),
      onFail: (error: RpcError) => (error.code === "DT_RPC_CANCELLED" ? null : reject(error)),
    };
    const { streams, streamWindow } = connection;
    const stream = streams.open(PUSH, 0, 0, writeNothing, null, streamWindow, reader, completion);
    reader.stream = stream;
    setTimeout(() => {
      connection.cancel(stream?.id ?? 0, null);
      resolve(reader.messages);
    }, endMs - performance.now());
  });
}

async function typed(): Promise<number> {
  let messages = 0;
  for await (const _line of archive.history({ room: "" })) {
    messages++;
    if (messages % 100 === 0 && performance.now() >= endMs) {
      break;
    }
  }
  return messages;
}

async function unary(): Promise<number> {
  let calls = 0;
  const prefix = line.text;
  const callInTurn = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await chat.rooms({ prefix });
      calls++;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, callInTurn));
  return calls;
}

async function measure(what: string, work: () => Promise<number>): Promise<void> {
  const startMs = performance.now();
  endMs = startMs + Number(values.seconds) * 1000;
  const count = await work();
  const rate = count / ((performance.now() - startMs) / 1000);
  process.stdout.write(`${what}, ${payload.length} B: ${Math.round(rate)} a second\n`);
}

for (let run = 0; run < Number(values.runs); run++) {
  await measure("stream messages by callbacks", pushed);
  await measure("stream messages of a typed method", typed);
  await measure(`typed unary calls, ${CALLERS} at a time`, unary);
}
await client.close();
await server.close();
