import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { recordBytes } from "../entry/record.ts";
import { RaftError } from "../errors.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import type { Proposal } from "./state-machine.ts";

class Waiter implements Proposal<string> {
  outcome = "";
  succeed(result: string, index: number): void {
    this.outcome += `${result}@${index}`;
  }
  fail(error: RaftError): void {
    this.outcome += error.code;
  }
}

const PENDING = new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: null });
const SEALED = new RaftError({ code: "DT_RAFT_LEADERSHIP_LOST", term: 1 });

function add(queue: ProposalQueue<string>, count: number): Waiter[] {
  return Array.from({ length: count }, (_, i) => {
    const waiter = new Waiter();
    queue.add(1, Buffer.from(`p${i}`), 0, 2, waiter);
    return waiter;
  });
}

describe("proposal queue", () => {
  test("answers each waiter with its own index, over many batches and ring growths", () => {
    const queue = new ProposalQueue<string>(1 << 20);
    const waiters: Waiter[] = [];
    let nextIndex = 10;
    let chain = 0;
    let applied = 9;
    for (const size of [1, 63, 200, 5, 1000]) {
      waiters.push(...add(queue, size));
      for (const batch of queue.seal(nextIndex, 1, 0, chain)) {
        nextIndex = batch.lastIndex + 1;
        chain = batch.chain;
      }
      for (let n = 0; n < size / 2; n++) {
        applied++;
        queue.take(applied, 1)?.succeed("ok", applied);
      }
    }
    while (applied + 1 < nextIndex) {
      applied++;
      queue.take(applied, 1)?.succeed("ok", applied);
    }
    assert.deepEqual(
      waiters.map((waiter) => waiter.outcome),
      waiters.map((_, i) => `ok@${10 + i}`),
    );
    assert.equal(queue.count, 0);
    assert.equal(queue.byteLength, 0);
  });

  test("finds each waiter although entries of the core stand between sealed batches", () => {
    const queue = new ProposalQueue<string>(1 << 20);
    const waiters: Waiter[] = [];
    const indexes: number[] = [];
    for (const first of [1, 5, 6, 20]) {
      waiters.push(...add(queue, first === 5 ? 1 : 3));
      const batches = queue.seal(first, 1, 0, 0);
      for (let index = first; index <= (batches.at(-1)?.lastIndex ?? 0); index++) {
        indexes.push(index);
      }
    }
    for (let index = 1; index <= 22; index++) {
      queue.take(index, 1)?.succeed("ok", index);
    }
    assert.deepEqual(
      waiters.map((waiter) => waiter.outcome),
      indexes.map((index) => `ok@${index}`),
    );
    assert.equal(queue.count, 0);
  });

  test("an index that nobody waits for gives null and moves nothing", () => {
    const queue = new ProposalQueue<string>(1 << 20);
    const [waiter] = add(queue, 1);
    assert.equal(queue.take(5, 1), null);
    queue.seal(7, 1, 0, 0);
    assert.equal(queue.take(6, 1), null);
    assert.equal(queue.take(7, 2), null);
    assert.equal(queue.take(7, 1), waiter);
    assert.equal(queue.take(8, 1), null);
  });

  test("losing the lead tells writes with an index from writes without one", () => {
    const queue = new ProposalQueue<string>(1 << 20);
    const sealed = add(queue, 3);
    queue.seal(1, 1, 0, 0);
    const pending = add(queue, 2);
    assert.equal(queue.byteLength, 5 * recordBytes(2));
    queue.failAll(PENDING, SEALED);
    assert.deepEqual(
      [...sealed, ...pending].map((waiter) => waiter.outcome),
      [SEALED, SEALED, SEALED, PENDING, PENDING].map((error) => error.code),
    );
    assert.equal(queue.count, 0);
    assert.equal(queue.byteLength, 0);
    assert.equal(queue.pendingCount, 0);
    const [next] = add(queue, 1);
    queue.seal(1, 2, 0, 0);
    assert.equal(queue.take(1, 2), next);
  });
});
