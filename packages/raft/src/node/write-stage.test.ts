import assert from "node:assert/strict";
import { describe, test } from "vitest";
import type { Write } from "../core/output.ts";
import { NO_SPACE_CODE } from "../log/raft-log.ts";
import type { LogState, RaftLog } from "../log/raft-log.ts";
import { WriteStage } from "./write-stage.ts";

/** A log whose answers the test gives. */
class ScriptedLog implements RaftLog {
  readonly queued: { sequence: number; done: (error: Error | null) => void }[] = [];
  open(): Promise<LogState> {
    return Promise.reject(new Error("not part of this test"));
  }
  write(write: Write, done: (error: Error | null) => void): void {
    this.queued.push({ sequence: write.io.sequence, done });
  }
  read(): Promise<[]> {
    return Promise.resolve([]);
  }
  readonly firstIndex = 1;
  termAt(): null {
    return null;
  }
  firstIndexAtOrAfter(): Promise<number> {
    return Promise.resolve(1);
  }
  dropHead(): void {
    // Not part of this test.
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  /** Answers everything that is queued, oldest first. */
  answer(error: Error | null): void {
    for (const { done } of this.queued.splice(0)) {
      done(error);
    }
  }
  sequences(): number[] {
    return this.queued.map(({ sequence }) => sequence);
  }
}

const NO_SPACE = Object.assign(new Error("full"), { code: NO_SPACE_CODE });

function setUp() {
  const log = new ScriptedLog();
  const events: string[] = [];
  const stage = new WriteStage(log, {
    onPersisted: (io) => events.push(`persisted ${io.sequence}`),
    onNoSpace: () => events.push("full"),
    onSpaceReturned: () => events.push("space"),
    onFailed: (error) => events.push(error.message),
  });
  const submit = (sequence: number) =>
    stage.submit({
      io: { term: 1, sequence },
      hardState: null,
      reset: null,
      truncateFrom: 0,
      batches: [],
    });
  return { log, events, stage, submit };
}

describe("write stage", () => {
  test("reports writes in order", () => {
    const { log, events, submit } = setUp();
    submit(1);
    submit(2);
    assert.deepEqual(log.sequences(), [1, 2]);
    log.answer(null);
    assert.deepEqual(events, ["persisted 1", "persisted 2"]);
  });

  test("keeps refused writes in order, with those that came later behind them", () => {
    const { log, events, stage, submit } = setUp();
    submit(1);
    submit(2);
    log.queued.shift()?.done(NO_SPACE);
    submit(3);
    stage.retry();
    assert.deepEqual(log.sequences(), [2], "nothing is repeated while an answer is out");
    log.answer(NO_SPACE);
    submit(4);
    assert.ok(stage.isFull);
    assert.deepEqual(log.sequences(), []);
    stage.retry();
    assert.deepEqual(log.sequences(), [1, 2, 3, 4]);
    log.answer(NO_SPACE);
    stage.retry();
    log.answer(null);
    assert.deepEqual(events, [
      "full",
      "space",
      "persisted 1",
      "persisted 2",
      "persisted 3",
      "persisted 4",
    ]);
    assert.equal(stage.isFull, false);
  });

  test("any other error is final", () => {
    const { log, events, stage, submit } = setUp();
    submit(1);
    submit(2);
    log.answer(new Error("sync failed"));
    submit(3);
    stage.retry();
    assert.deepEqual(log.sequences(), []);
    assert.deepEqual(events, ["sync failed"]);
  });
});
