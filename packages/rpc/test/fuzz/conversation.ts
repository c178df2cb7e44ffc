import { connect, createServer } from "node:net";
import { once } from "node:events";
import { FrameDecoder } from "@dt/codec";
import { RpcError } from "../../src/index.ts";
import { ECHO, FAIL, NOTE, readText, writeText } from "../support/bodies.ts";
import { until } from "../support/until.ts";
import { openStream } from "../support/stream-log.ts";
import { COUNT, GROUP } from "./scenario.ts";
import type { AddressInfo, Socket } from "node:net";
import type { RpcClient, RpcServer } from "../../src/index.ts";
import type { Frames } from "./mutation.ts";
import type { Scenario } from "./scenario.ts";

/** Calls of each kind, one after the other. Rejects with nothing: each has the outcome it has. */
export async function converse(client: RpcClient): Promise<number> {
  await client.connect();
  const calls = [
    client.call(ECHO, 0, 0, writeText, "hello", readText),
    client.call(ECHO, 0, 60_000, writeText, "x".repeat(150), readText),
    client.call(ECHO, GROUP, 0, writeText, "of a group", readText),
    client.call(ECHO, GROUP + 1, 0, writeText, "of no group", readText),
    client.call(9999, 0, 0, writeText, "of no command", readText),
    client.call(FAIL, 0, 0, writeText, "to fail", readText),
  ];
  for (const groupId of [GROUP, GROUP + 1]) {
    try {
      client.oneWay(NOTE, groupId, writeText, "note");
    } catch (error) {
      // What a peer says of itself may be damaged too, its capability and its limits.
      if (!(error instanceof RpcError)) {
        throw error;
      }
    }
  }
  await Promise.allSettled([...calls, streamOf(client)]);
  const last = client.call(ECHO, 0, 0, writeText, "bye", readText);
  return (await Promise.allSettled([...calls, last])).length;
}

/** Two messages each way; resolves with the end of the stream, whatever it is. */
async function streamOf(client: RpcClient): Promise<void> {
  const { connection } = client;
  if (connection === null) {
    return;
  }
  const { stream, log, outcome } = openStream(connection, COUNT);
  for (const text of ["first", "second"]) {
    await until(
      () => outcome.count > 0 || stream.send(writeText, text),
      "credit, or the end of the stream",
    );
  }
  stream.end();
  await until(
    () => outcome.count > 0,
    `the end of a stream that has brought ${log.messages.length}`,
  );
}

export interface Conversation {
  readonly fromClient: Frames;
  readonly fromServer: Frames;
}

/** Listens in while a client and a server converse. */
export async function capture(scenario: Scenario): Promise<Conversation> {
  const target = scenario.createServer();
  const port = await listenOnLoopback(target);
  const fromClient: Buffer[] = [];
  const fromServer: Buffer[] = [];
  const proxy = createServer((near) => {
    const far = connect(port);
    tap(near, far, fromClient);
    tap(far, near, fromServer);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port: proxyPort } = proxy.address() as AddressInfo;
  const client = scenario.createClient({ host: "127.0.0.1", port: proxyPort });
  await converse(client);
  await client.close();
  await target.close();
  proxy.close();
  return { fromClient: cut(fromClient), fromServer: cut(fromServer) };
}

async function listenOnLoopback(server: RpcServer): Promise<number> {
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  if ("path" in address) {
    throw new Error("a server on TCP has a port");
  }
  return address.port;
}

function tap(from: Socket, to: Socket, chunks: Buffer[]): void {
  from.on("data", (chunk: Buffer) => chunks.push(chunk));
  from.pipe(to);
}

function cut(chunks: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  const decoder = new FrameDecoder(
    { maxFrameBytes: 2 ** 24, minFrameBytes: 12 },
    {
      onFrame: (buf, start, end) => {
        frames.push(Buffer.from(buf.subarray(start - 4, end)));
      },
    },
  );
  decoder.push(Buffer.concat(chunks));
  return frames;
}
