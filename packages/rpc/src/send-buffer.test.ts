import { describe, expect, test } from "vitest";
import { Counters } from "./counters.ts";
import { REQUEST_BYTE } from "./frame.ts";
import { SendBuffer } from "./send-buffer.ts";
import type { WriteTarget } from "./send-buffer.ts";

type Confirm = (error?: Error | null) => void;

/** A socket whose writes are confirmed when the test says so. */
class WriteLog implements WriteTarget {
  readonly writes: Buffer[] = [];
  readonly #confirms: Confirm[] = [];

  write(bytes: Buffer, confirm: Confirm): boolean {
    // Not a copy: the test would see a buffer that is reused before its write is confirmed.
    this.writes.push(bytes);
    this.#confirms.push(confirm);
    return true;
  }

  confirm(): void {
    this.#confirms.shift()?.();
  }
}

interface Fixture {
  readonly log: WriteLog;
  readonly out: SendBuffer;
  readonly drains: number[];
}

function create(): Fixture {
  const log = new WriteLog();
  const drains: number[] = [];
  const out = new SendBuffer(log, new Counters(), () => drains.push(out.bufferedBytes));
  return { log, out, drains };
}

function send(out: SendBuffer, seq: number, bodyBytes: number): void {
  const writer = out.begin(0);
  writer.ensure(bodyBytes);
  writer.buf.fill(seq & 255, writer.pos, writer.pos + bodyBytes);
  writer.pos += bodyBytes;
  expect(out.finish(REQUEST_BYTE, 300, seq, 0)).toBe(16 + bodyBytes);
}

/** Seq and body of each frame in the bytes. */
function framesOf(bytes: Buffer): { seq: number; bodyBytes: number }[] {
  const frames: { seq: number; bodyBytes: number }[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + 4 + bytes.readUInt32BE(start);
    const seq = bytes.readUInt32BE(start + 8);
    const body = bytes.subarray(start + 16, end);
    expect(body.equals(Buffer.alloc(body.length, seq & 255))).toBe(true);
    frames.push({ seq, bodyBytes: body.length });
    start = end;
  }
  return frames;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe("SendBuffer", () => {
  test("writes all frames of a turn at once, and nothing before the turn ends", async () => {
    const { log, out } = create();
    send(out, 1, 10);
    send(out, 2, 20);
    expect(log.writes).toHaveLength(0);
    await nextTurn();
    expect(log.writes.map(framesOf)).toEqual([
      [
        { seq: 1, bodyBytes: 10 },
        { seq: 2, bodyBytes: 20 },
      ],
    ]);
  });

  test("collects frames while a write is on its way, and writes them on its confirmation", async () => {
    const { log, out, drains } = create();
    send(out, 1, 10);
    await nextTurn();
    send(out, 2, 20);
    await nextTurn();
    send(out, 3, 30);
    await nextTurn();
    expect(log.writes).toHaveLength(1);
    expect(out.bufferedBytes).toBe(26 + 36 + 46);
    log.confirm();
    expect(log.writes.slice(1).map(framesOf)).toEqual([
      [
        { seq: 2, bodyBytes: 20 },
        { seq: 3, bodyBytes: 30 },
      ],
    ]);
    log.confirm();
    expect(out.bufferedBytes).toBe(0);
    expect(drains.at(-1)).toBe(0);
  });

  test("takes back a frame that is given up", async () => {
    const { log, out } = create();
    send(out, 1, 10);
    out.begin(7).utf8("half a body");
    out.abandon();
    send(out, 2, 20);
    await nextTurn();
    expect(log.writes.map((bytes) => framesOf(bytes).map(({ seq }) => seq))).toEqual([[1, 2]]);
  });

  test("does not touch bytes before their write is confirmed, whatever the sizes", async () => {
    const { log, out } = create();
    const sizes = [10, 70_000, 3, 65_520, 200_000, 278_512, 5, 1_200_000, 1, 1, 300_000, 60_000];
    const sent: { seq: number; bodyBytes: number }[] = [];
    const written: { seq: number; bodyBytes: number }[] = [];
    const checkOldest = (): void => {
      written.push(...framesOf(log.writes.shift() ?? Buffer.alloc(0)));
      log.confirm();
    };
    for (let round = 0; round < 60; round++) {
      for (let count = 0; count < 1 + (round % 4); count++) {
        const seq = sent.length + 1;
        const bodyBytes = sizes[(seq * 7 + round) % sizes.length] ?? 0;
        send(out, seq, bodyBytes);
        sent.push({ seq, bodyBytes });
      }
      await nextTurn();
      if (round % 3 === 2 && log.writes.length > 0) {
        checkOldest();
      }
    }
    while (log.writes.length > 0) {
      checkOldest();
    }
    expect(written).toEqual(sent);
  });

  test("keeps nothing once it is closed", async () => {
    const { log, out, drains } = create();
    send(out, 1, 10);
    out.close();
    await nextTurn();
    expect([log.writes.length, out.bufferedBytes, drains.length]).toEqual([0, 0, 0]);
  });

  test("reads the clock once per turn, whether the turn begins with a frame or not", async () => {
    const { out } = create();
    const beforeMs = performance.now();
    send(out, 1, 10);
    const first = out.nowMs();
    expect(first).toBeGreaterThanOrEqual(beforeMs);
    const waitMs = performance.now() + 2;
    while (performance.now() < waitMs) {
      // The turn goes on.
    }
    expect(out.nowMs()).toBe(first);
    await nextTurn();
    const second = out.nowMs();
    expect(second).toBeGreaterThan(first);
    send(out, 2, 10);
    expect(out.nowMs()).toBe(second);
  });
});
