import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EnvelopeFault } from "../snapshots/envelope.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session-limits.ts";
import { Admission, SessionTable } from "./session-table.ts";

const LIMITS: SessionLimits = {
  maxSessions: 3,
  window: 4,
  maxResultBytes: 400,
  resultOverheadBytes: 64,
  expiryMs: 1000,
};

const OPEN = { session: 0, sequence: 0, answered: 0 };
const call = (session: number, sequence: number, answered = 1) => ({ session, sequence, answered });

/** Admits and, when it is to be applied, remembers a result that names the call. */
function use(table: SessionTable, session: number, sequence: number, answered = 1, atMs = 0) {
  const id = call(session, sequence, answered);
  const admission = table.admit(id, 0, atMs);
  if (admission === Admission.apply) {
    table.remember(id, Buffer.from(`${session}/${sequence}`));
  }
  return admission;
}

describe("a session", () => {
  test("X1 lets a call through once and remembers its first result", () => {
    const table = new SessionTable(LIMITS);
    expect(table.admit(OPEN, 7, 0)).toBe(Admission.opened);
    expect(use(table, 7, 1)).toBe(Admission.apply);
    expect(use(table, 7, 1)).toBe(Admission.repeated);
    expect(table.resultOf(call(7, 1))?.toString()).toBe("7/1");
  });

  test("X4 takes calls in any order within its window and refuses those beyond", () => {
    const table = new SessionTable(LIMITS);
    table.admit(OPEN, 7, 0);
    expect(use(table, 7, 3)).toBe(Admission.apply);
    expect(use(table, 7, 1)).toBe(Admission.apply);
    expect(use(table, 7, 5)).toBe(Admission.beyondWindow);
    expect(use(table, 7, 2)).toBe(Admission.apply);
    expect(use(table, 7, 5, 4)).toBe(Admission.apply);
  });

  test("forgets what its client has answers for, and says so", () => {
    const table = new SessionTable(LIMITS);
    table.admit(OPEN, 7, 0);
    use(table, 7, 1);
    use(table, 7, 2);
    use(table, 7, 3, 3);
    expect(table.resultOf(call(7, 2))).toBeNull();
    expect(use(table, 7, 2, 3)).toBe(Admission.answered);
    expect(table.resultBytes).toBe(64 + 3);
  });

  test("X2 that was not used for too long by the log's clock is gone, explicitly", () => {
    const table = new SessionTable(LIMITS);
    table.admit(OPEN, 7, 5000);
    expect(use(table, 7, 1, 1, 6000)).toBe(Admission.apply);
    // A leader whose clock is behind does not turn the log's clock back.
    expect(use(table, 7, 2, 1, 100)).toBe(Admission.apply);
    table.admit(OPEN, 8, 7001);
    expect(use(table, 7, 1, 1, 7001)).toBe(Admission.expired);
    expect(use(table, 99, 1, 1, 7001)).toBe(Admission.expired);
  });

  test("X2 that was used least recently goes first when there are too many, or too much to remember", () => {
    const table = new SessionTable(LIMITS);
    for (const index of [1, 2, 3]) {
      table.admit(OPEN, index, 0);
    }
    use(table, 1, 1);
    table.admit(OPEN, 4, 0);
    expect(table.size).toBe(3);
    expect(use(table, 2, 1)).toBe(Admission.expired);
    expect(use(table, 1, 1)).toBe(Admission.repeated);
    const id = call(4, 1);
    expect(table.admit(id, 0, 0)).toBe(Admission.apply);
    table.remember(id, Buffer.alloc(350));
    expect([use(table, 3, 1), use(table, 1, 1)]).toEqual([Admission.expired, Admission.expired]);
    expect(use(table, 4, 1)).toBe(Admission.repeated);
  });
});

test("X3 a table goes on alike after it was encoded and decoded, whatever was done with it", () => {
  const step = fc.record({
    open: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    session: fc.integer({ min: 1, max: 8 }),
    sequence: fc.integer({ min: 1, max: 8 }),
    answered: fc.integer({ min: 1, max: 6 }),
    afterMs: fc.integer({ min: -50, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, copiedAt) => {
      const table = new SessionTable(LIMITS);
      let copy = new SessionTable(LIMITS);
      let nowMs = 1000;
      for (const [i, { open, session, sequence, answered, afterMs }] of steps.entries()) {
        nowMs += afterMs;
        if (i === copiedAt) {
          copy = SessionTable.decode(table.encode(), LIMITS);
        }
        const run = (each: SessionTable): string =>
          open ? each.admit(OPEN, i + 1, nowMs) : use(each, session, sequence, answered, nowMs);
        expect(run(copy)).toBe(run(table));
        expect(copy.encode()).toEqual(table.encode());
      }
      expect(table.size).toBeLessThanOrEqual(LIMITS.maxSessions);
    }),
    { numRuns: 300 },
  );
});

test("bytes that are no table are refused", () => {
  const table = new SessionTable();
  table.admit(OPEN, 7, 0);
  use(table, 7, 1);
  const bytes = Buffer.from(table.encode());
  for (const end of [1, 5, bytes.length - 1]) {
    expect(() => SessionTable.decode(bytes.subarray(0, end))).toThrow(EnvelopeFault);
  }
  expect(SessionTable.decode(Buffer.alloc(0)).size).toBe(0);
  expect(SessionTable.decode(bytes, SESSION_LIMITS).encode()).toEqual(bytes);
});
