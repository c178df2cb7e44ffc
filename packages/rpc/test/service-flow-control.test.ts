import { describe, expect, test } from "vitest";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { line, startChat } from "./support/chat.ts";
import { failureOf } from "./support/failure.ts";
import { forever } from "./support/forever.ts";
import { until } from "./support/until.ts";
import type { Line } from "../examples/src/gen/chat.ts";

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
