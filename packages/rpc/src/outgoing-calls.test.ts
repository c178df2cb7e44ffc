import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Counters } from "./counters.ts";
import { DeadlineWheel } from "./deadline-wheel.ts";
import { ErrorLog } from "./error-log.ts";
import { withoutStack } from "./errors.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { Outcome } from "./outcome.ts";
import { OutgoingCalls } from "./outgoing-calls.ts";
import { Permits } from "./permits.ts";
import { SendBuffer } from "./send-buffer.ts";
import type { CallCompletion } from "./call-completion.ts";
import type { RpcError } from "./errors.ts";
import type { ByteWriter } from "@dt/codec";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
  // At 0 on the clock, a deadline could not be told from none.
  vi.advanceTimersByTime(1000);
});

afterEach(() => {
  vi.useRealTimers();
});

class Recorder implements CallCompletion {
  readonly failures: RpcError[] = [];
  replies = 0;
  readonly #onReply: () => void;

  constructor(onReply: () => void = () => {}) {
    this.#onReply = onReply;
  }

  onReply(): void {
    this.replies++;
    this.#onReply();
  }

  onFail(error: RpcError): void {
    this.failures.push(error);
  }
}

interface Fixture {
  readonly calls: OutgoingCalls;
  readonly out: SendBuffer;
  /** Names of the calls that were encoded, in order. */
  readonly sent: string[];
  readonly start: (name: string, timeoutMs: number, completion: Recorder) => void;
  readonly answer: (seq: number) => void;
}

function create(maxRequests: number): Fixture {
  const counters = new Counters();
  const outcome = new Outcome(counters, new ErrorLog(SILENT_LOGGER));
  const out = new SendBuffer({ write: () => true }, counters, () => {});
  const sent: string[] = [];
  const calls = new OutgoingCalls(
    out,
    new Permits(maxRequests, 1e9),
    new DeadlineWheel(),
    counters,
    outcome,
    {
      maxGroupId: 0xffff_ffff,
      maxPeerFrameBytes: 1e6,
      maxSendBufferBytes: 1e6,
      maxWaitingCalls: 10,
    },
    () => {},
  );
  const encode = (_writer: ByteWriter, name: string): void => {
    sent.push(name);
  };
  return {
    calls,
    out,
    sent,
    start: (name, timeoutMs, completion) =>
      calls.start(300, 0, timeoutMs, encode, name, completion),
    answer: (seq) => {
      const completion = calls.settle(seq);
      if (completion !== null) {
        outcome.reply(completion, Buffer.alloc(0), 0, 0);
      }
    },
  };
}

test("a call that gets its permit when its time is over is not sent", async () => {
  const { calls, sent, start, answer } = create(1);
  const late = new Recorder();
  start("first", 0, new Recorder());
  start("late", 50, late);
  start("last", 0, new Recorder());
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  // In a later turn time has passed, but the wheel has not come round yet.
  const laterMs = performance.now() + 51;
  vi.spyOn(performance, "now").mockReturnValue(laterMs);
  answer(1);
  calls.resume();
  expect(sent).toEqual(["first", "last"]);
  expect(late.failures).toMatchObject([{ code: "DT_RPC_TIMEOUT", mayHaveExecuted: false }]);
});

test("a call that is started when a permit is free still lets those that wait go first", () => {
  const { calls, sent, start, answer } = create(1);
  const first = new Recorder(() => start("third", 0, new Recorder()));
  start("first", 0, first);
  start("second", 0, new Recorder());
  answer(1);
  calls.resume();
  answer(2);
  calls.resume();
  expect(sent).toEqual(["first", "second", "third"]);
});

test("a call ends once: an answer after the deadline finds nothing", () => {
  const { start, answer } = create(5);
  const recorder = new Recorder();
  start("only", 50, recorder);
  vi.advanceTimersByTime(100);
  answer(1);
  expect([recorder.replies, recorder.failures.length]).toEqual([0, 1]);
});

test("all calls end when the connection does, each with what is true of it", () => {
  const { calls, start } = create(2);
  const recorders = [1, 2, 3, 4].map(() => new Recorder());
  recorders.forEach((recorder, index) => start(`${index}`, index * 50, recorder));
  calls.failAll("DT_RPC_CONNECTION_LOST", null);
  vi.advanceTimersByTime(1000);
  expect(recorders.map(({ failures }) => failures.map((error) => error.mayHaveExecuted))).toEqual([
    [true],
    [true],
    [false],
    [false],
  ]);
  expect(calls.count).toBe(0);
});

test("a completion that cancels the other calls leaves each its one outcome, also at the end of all", () => {
  const { calls, out } = create(5);
  const recorders = [1, 2, 3].map(() => new Recorder());
  for (const recorder of recorders) {
    const onFail = (error: RpcError): void => {
      recorder.onFail(error);
      for (const seq of [1, 2, 3]) {
        calls.fail(seq, withoutStack({ code: "DT_RPC_CANCELLED", wasSent: true }));
      }
    };
    calls.start(300, 0, 0, () => {}, null, { onReply() {}, onFail });
  }
  calls.failAll("DT_RPC_CONNECTION_LOST", null);
  expect(recorders.map(({ failures }) => failures.map(({ code }) => code))).toEqual([
    ["DT_RPC_CONNECTION_LOST"],
    ["DT_RPC_CANCELLED"],
    ["DT_RPC_CANCELLED"],
  ]);
  expect([calls.count, out.bufferedBytes]).toEqual([0, 48]);
});

test("a call that an encode function makes is refused, and is none that is under way", () => {
  const { calls, start } = create(5);
  const inner = new Recorder();
  const outer = new Recorder();
  calls.start(300, 0, 0, () => start("inner", 0, inner), null, outer);
  expect(outer.failures).toMatchObject([{ code: "DT_RPC_ENCODE" }]);
  expect(calls.count).toBe(0);
});

test.each([
  [-1, 0],
  [65_536 + 300, 0],
  [300.5, 0],
  [NaN, 0],
  [300, -1],
  [300, 0.5],
  [300, 2 ** 32],
  [300, NaN],
])("command %d of group %d is refused, and never taken for another", (command, groupId) => {
  const { calls, out } = create(5);
  const recorder = new Recorder();
  expect(calls.start(command, groupId, 0, () => {}, null, recorder)).toBe(0);
  expect(recorder.failures).toMatchObject([
    { code: "DT_RPC_ENCODE", mayHaveExecuted: false, cause: expect.any(RangeError) },
  ]);
  expect(out.bufferedBytes).toBe(0);
});

test.each([7_200_000, Infinity])(
  "a call with %d ms ends when its time on the wire does, after which no answer comes",
  (timeoutMs) => {
    const { start } = create(5);
    const recorder = new Recorder();
    start("long", timeoutMs, recorder);
    vi.advanceTimersByTime(4_294_000);
    expect(recorder.failures).toEqual([]);
    vi.advanceTimersByTime(1100);
    expect(recorder.failures).toMatchObject([
      { code: "DT_RPC_TIMEOUT", fault: { timeoutMs: 4_294_967 }, mayHaveExecuted: true },
    ]);
  },
);
