import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { RaftError } from "../errors.ts";
import { ReadQueue } from "./read-queue.ts";
import type { ReadWaiter } from "./state-machine.ts";

class Waiter implements ReadWaiter {
  outcome = "waits";
  ready(): void {
    assert.equal(this.outcome, "waits");
    this.outcome = "ready";
  }
  fail(error: RaftError): void {
    assert.equal(this.outcome, "waits");
    this.outcome = error.code;
  }
}

const LOST = new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: null });

function add(queue: ReadQueue, count: number): Waiter[] {
  const waiters = Array.from({ length: count }, () => new Waiter());
  for (const waiter of waiters) {
    queue.add(waiter);
  }
  return waiters;
}

function outcomes(waiters: readonly Waiter[]): string[] {
  return [...new Set(waiters.map((waiter) => waiter.outcome))];
}

describe("read queue", () => {
  test("a round is served when granted and applied, not before", () => {
    const queue = new ReadQueue();
    const waiters = add(queue, 3);
    const token = queue.openRound();
    queue.serve(100);
    assert.deepEqual(outcomes(waiters), ["waits"]);
    queue.grant(token, 101);
    queue.serve(100);
    assert.deepEqual(outcomes(waiters), ["waits"]);
    queue.serve(101);
    assert.deepEqual(outcomes(waiters), ["ready"]);
    assert.equal(queue.count, 0);
  });

  test("a grant serves its own round only", () => {
    const queue = new ReadQueue();
    const first = add(queue, 1);
    queue.openRound();
    const second = add(queue, 1);
    queue.grant(queue.openRound(), 5);
    queue.serve(9);
    assert.deepEqual(outcomes(first), ["waits"]);
    assert.deepEqual(outcomes(second), ["ready"]);
  });

  test("a dropped round fails, and failAll ends rounds and pending reads", () => {
    const queue = new ReadQueue();
    const dropped = add(queue, 2);
    queue.drop(queue.openRound(), LOST);
    assert.deepEqual(outcomes(dropped), [LOST.code]);
    const open = add(queue, 2);
    queue.openRound();
    const pending = add(queue, 2);
    queue.failAll(LOST);
    assert.deepEqual(outcomes([...open, ...pending]), [LOST.code]);
    assert.equal(queue.count, 0);
  });

  test("a read added while a round is served belongs to the next round", () => {
    const queue = new ReadQueue();
    const late = new Waiter();
    queue.add({ ready: () => queue.add(late), fail: () => assert.fail() });
    queue.grant(queue.openRound(), 1);
    queue.serve(1);
    assert.equal(late.outcome, "waits");
    assert.ok(queue.hasPending);
    assert.equal(queue.count, 1);
  });
});
