import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished, test } from "vitest";
import { RawBounce } from "../src/raw-bounce.ts";

test("a bounce sends back the same bytes, whatever the chunks are", async () => {
  const server = createServer({ noDelay: true });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect({ port: (server.address() as AddressInfo).port, noDelay: true });
  onTestFinished(() => void near.destroy());
  const [far] = (await once(server, "connection")) as [Socket];
  const bounce = new RawBounce(far);
  const frames = [0, 5, 70_000, 1].map((size, index) => {
    const frame = Buffer.alloc(16 + size, index + 1);
    frame.writeUInt32BE(frame.length - 4);
    return frame;
  });
  const sent = Buffer.concat(frames);
  let received = Buffer.alloc(0);
  near.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  for (const cut of [1, 3, 4, 20, 21, 40_000, sent.length - 3, sent.length]) {
    const from = Math.max(0, cut - 3);
    const pieces = [sent.subarray(0, from), sent.subarray(from, cut), sent.subarray(cut)];
    for (const piece of pieces) {
      near.write(piece);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }
  while (received.length < 8 * sent.length) {
    await once(near, "data");
  }
  assert.deepEqual(received, Buffer.concat(Array.from({ length: 8 }, () => sent)));
  assert.equal(bounce.frames, 8 * frames.length);
});
