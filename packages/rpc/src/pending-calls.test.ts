import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PendingCalls } from "./pending-calls.ts";
import type { CallCompletion } from "./call-completion.ts";
import type { PendingCall } from "./pending-calls.ts";

const completion: CallCompletion = { onReply() {}, onFail() {} };

function create(): PendingCalls {
  return new PendingCalls(() => {});
}

describe("PendingCalls", () => {
  test("finds a call by its seq until it is removed", () => {
    const calls = create();
    const call = calls.add(completion, 5);
    const { seq } = call;
    expect(calls.find(seq)).toBe(call);
    expect(calls.find(seq + 1)).toBeNull();
    calls.remove(call);
    expect(calls.find(seq)).toBeNull();
    expect(calls.count).toBe(0);
  });

  test("does not find a call by the seq of an earlier call in the same slot", () => {
    const calls = create();
    const seqs: number[] = [];
    for (let count = 0; count < 100; count++) {
      const call = calls.add(completion, 0);
      seqs.push(call.seq);
      calls.remove(call);
    }
    const last = calls.add(completion, 0);
    expect(seqs.filter((seq) => calls.find(seq) !== null)).toEqual([]);
    expect(calls.find(last.seq)).toBe(last);
  });

  test("behaves as a map of calls by seq, whatever the order of their ends", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 }), { maxLength: 2000 }), (steps) => {
        const calls = create();
        const model = new Map<number, PendingCall>();
        for (const step of steps) {
          const [first] = model.values();
          if (step > 1 || first === undefined) {
            const call = calls.add(completion, 0);
            expect(model.has(call.seq)).toBe(false);
            model.set(call.seq, call);
          } else {
            const victim = step === 0 ? first : ([...model.values()].at(-1) ?? first);
            model.delete(victim.seq);
            calls.remove(victim);
          }
        }
        expect(calls.count).toBe(model.size);
        for (const [seq, call] of model) {
          expect(calls.find(seq)).toBe(call);
        }
        expect(new Set(calls.all())).toEqual(new Set(model.values()));
      }),
      { numRuns: 50 },
    );
  });

  test("starts over before the seq of pings, and never uses 0", () => {
    const calls = new PendingCalls(() => {}, 0x7fff_fffc);
    const seqs = Array.from({ length: 5 }, () => calls.add(completion, 0).seq);
    expect(seqs).toEqual([0x7fff_fffd, 0x7fff_fffe, 1, 2, 3]);
    expect(seqs.map((seq) => calls.find(seq)?.seq)).toEqual(seqs);
  });

  test("passes over the slots of slow calls", () => {
    const calls = create();
    const slow = Array.from({ length: 7 }, () => calls.add(completion, 0));
    for (let count = 0; count < 1000; count++) {
      calls.remove(calls.add(completion, 0));
    }
    for (const call of slow) {
      expect(calls.find(call.seq)).toBe(call);
    }
  });
});
