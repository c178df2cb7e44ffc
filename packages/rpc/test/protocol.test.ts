import { describe, expect, onTestFinished, test } from "vitest";
import { RpcClient } from "../src/index.ts";
import { createInteropServer } from "./interop/target.ts";
import { ECHO, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { LOOPBACK } from "./support/pair.ts";
import { conversation, play } from "./support/protocol-page.ts";
import { RAW_LIMITS, rawAccept, rawConnect, rawServer } from "./support/raw-peer.ts";
import { SMALL_WINDOW, openStream } from "./support/stream-log.ts";
import type { Address, RpcServer } from "../src/index.ts";
import type { Frame } from "./support/protocol-page.ts";

const [HELLO] = conversation("Handshake");

async function listen(server: RpcServer): Promise<Address> {
  onTestFinished(() => server.close());
  return server.listen(LOOPBACK);
}

/** A conversation behind the handshake. */
async function playAfterHello(server: RpcServer, frames: readonly Frame[]): Promise<void> {
  const peer = await rawConnect(await listen(server));
  peer.send(HELLO?.hex ?? "");
  await peer.frame();
  await play(peer, frames);
}

describe("PROTOCOL.md", () => {
  test("has the handshake as a server answers it", async () => {
    const frames = conversation("Handshake");
    expect(frames).toHaveLength(2);
    await play(await rawConnect(await listen(createInteropServer())), frames);
  });

  test.each([
    ["Requests, responses and one-ways", 11],
    ["Errors", 6],
    ["Control frames", 5],
    ["Streams", 9],
  ])("has frames below %s that a server answers so", async (heading, count) => {
    const frames = conversation(heading);
    expect(frames).toHaveLength(count);
    await playAfterHello(createInteropServer(), frames);
  });

  test("has a compressed request that a server understands", async () => {
    const frames = conversation("Compression");
    expect(frames).toHaveLength(2);
    await playAfterHello(createInteropServer({ compressAboveBytes: 100 }), frames);
  });

  test("has the refusal of a first frame that is none", async () => {
    const frames = conversation("Refusals");
    expect(frames).toHaveLength(2);
    await play(await rawConnect(await listen(createInteropServer())), frames);
  });

  test("has the frames that a client sends", async () => {
    const { address, peers } = await rawServer();
    const client = new RpcClient({
      address,
      identity: { processId: "f".repeat(32), role: "raw" },
    });
    onTestFinished(() => client.close());
    const connecting = client.connect();
    const peer = await rawAccept(peers, RAW_LIMITS, {
      processId: "0".repeat(32),
      nodeId: 0,
      clusterId: "",
      role: "",
      capabilities: ["groups", "streams"],
    });
    await connecting;
    const wanted = conversation("Requests, responses and one-ways").filter(
      ({ direction, title }) => direction === ">" && !title.includes("extension"),
    );
    const outcomes = [
      failureOf(client.call(ECHO, 0, 0, writeText, "hi", readText)),
      failureOf(client.call(ECHO, 0, 3_600_000, writeText, "hi", readText)),
      failureOf(client.call(ECHO, 5, 0, writeText, "hi", readText)),
    ];
    client.oneWay(NOTE, 0, writeText, "hi");
    for (const { title, hex } of wanted.slice(0, 4)) {
      expect([title, await peer.frame()]).toEqual([title, hex]);
    }
    // The next request, seq 4, opens a stream as the page has it with seq 9.
    const near = client.connection;
    const { outcome } = openStream(near!, 300, SMALL_WINDOW);
    const [open] = conversation("Streams");
    const opening = await peer.frame();
    const length = 8 + 6 * 4;
    const asSeen = `${opening.slice(0, 16)}00000009${opening.slice(24)}`;
    expect(asSeen.slice(length)).toBe(open?.hex.slice(length));
    await client.close();
    expect((await Promise.all(outcomes)).map((error) => error.code)).toHaveLength(3);
    expect(outcome.count).toBe(1);
  });
});
