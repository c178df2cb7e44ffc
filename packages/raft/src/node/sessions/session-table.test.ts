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

/** Of the session with this id. */
const secretOf = (session: number): bigint => 0xfedc_ba98_0000_0000n + BigInt(session);
const call = (session: number, sequence: number, answered = 1) => ({
  session,
  secret: secretOf(session),
  sequence,
  answered,
});

function open(table: SessionTable, session: number, atMs = 0, owner = 1n): void {
  table.open({ secret: secretOf(session), owner }, session, atMs);
}

/** Admits and, when it is to be applied, remembers a result that names the call. */
function use(table: SessionTable, session: number, sequence: number, answered = 1, atMs = 0) {
  const id = call(session, sequence, answered);
  const admission = table.admit(id, atMs);
  if (admission === Admission.apply) {
    table.remember(id, Buffer.from(`${session}/${sequence}`));
  }
  return admission;
}

describe("a session", () => {
  test("X1 lets a call through once and remembers its first result", () => {
    const table = new SessionTable(LIMITS);
    open(table, 7);
    expect(use(table, 7, 1)).toBe(Admission.apply);
    expect(use(table, 7, 1)).toBe(Admission.repeated);
    expect(table.resultOf(call(7, 1))?.toString()).toBe("7/1");
  });

  test("X4 takes calls in any order within its window and refuses those beyond", () => {
    const table = new SessionTable(LIMITS);
    open(table, 7);
    expect(use(table, 7, 3)).toBe(Admission.apply);
    expect(use(table, 7, 1)).toBe(Admission.apply);
    expect(use(table, 7, 5)).toBe(Admission.beyondWindow);
    expect(use(table, 7, 2)).toBe(Admission.apply);
    expect(use(table, 7, 5, 4)).toBe(Admission.apply);
  });

  test("forgets what its client has answers for, and says so", () => {
    const table = new SessionTable(LIMITS);
    open(table, 7);
    use(table, 7, 1);
    use(table, 7, 2);
    use(table, 7, 3, 3);
    expect(table.resultOf(call(7, 2))).toBeNull();
    expect(use(table, 7, 2, 3)).toBe(Admission.answered);
    expect(table.resultBytes).toBe(64 + 3);
  });

  test("X2 that was not used for too long by the log's clock is gone, explicitly", () => {
    const table = new SessionTable(LIMITS);
    open(table, 7, 5000);
    expect(use(table, 7, 1, 1, 6000)).toBe(Admission.apply);
    // A leader whose clock is behind does not turn the log's clock back.
    expect(use(table, 7, 2, 1, 100)).toBe(Admission.apply);
    open(table, 8, 7001);
    expect(use(table, 7, 1, 1, 7001)).toBe(Admission.expired);
    expect(use(table, 99, 1, 1, 7001)).toBe(Admission.expired);
  });

  test("X2 that was used least recently goes first when there are too many, or too much to remember", () => {
    const table = new SessionTable(LIMITS);
    for (const index of [1, 2, 3]) {
      open(table, index);
    }
    use(table, 1, 1);
    open(table, 4);
    expect(table.size).toBe(3);
    expect(use(table, 2, 1)).toBe(Admission.expired);
    expect(use(table, 1, 1)).toBe(Admission.repeated);
    const id = call(4, 1);
    expect(table.admit(id, 0)).toBe(Admission.apply);
    table.remember(id, Buffer.alloc(350));
    // One that remembers nothing would make no room.
    expect([table.holds(call(3, 1)), use(table, 1, 1)]).toEqual([true, Admission.expired]);
    expect(use(table, 4, 1)).toBe(Admission.repeated);
  });
});

describe("a session of somebody else", () => {
  test("is refused like one that is not there, and is unhurt", () => {
    const table = new SessionTable(LIMITS);
    open(table, 7);
    open(table, 8);
    use(table, 7, 1);
    const before = table.encode();
    for (const secret of [0n, secretOf(8), secretOf(7) ^ 1n, secretOf(7) ^ (1n << 63n)]) {
      for (const [sequence, answered] of [
        [1, 1],
        [2, 1],
        [3, 3],
      ] as const) {
        const stolen = { session: 7, secret, sequence, answered };
        expect([table.admit(stolen, 0), table.holds(stolen)]).toEqual([Admission.expired, false]);
      }
    }
    expect(table.encode()).toEqual(before);
    expect(table.holds(call(7, 1))).toBe(true);
    expect([use(table, 7, 1), use(table, 7, 2)]).toEqual([Admission.repeated, Admission.apply]);
  });

  test("stays closed to others after a snapshot", () => {
    const table = new SessionTable(LIMITS);
    open(table, 7);
    use(table, 7, 1);
    const copy = SessionTable.decode(table.encode(), LIMITS);
    expect(copy.admit({ ...call(7, 1), secret: 1n }, 0)).toBe(Admission.expired);
    expect(copy.admit(call(7, 1), 0)).toBe(Admission.repeated);
  });
});

describe("an owner that opens sessions without end", () => {
  const HOSTILE = 666n;

  test("pushes out its own, however little the others use theirs", () => {
    const table = new SessionTable(LIMITS);
    open(table, 1, 0, 1n);
    for (let id = 2; id <= 50; id++) {
      open(table, id, 0, HOSTILE);
    }
    const isHeld = (id: number): boolean => table.holds(call(id, 1));
    expect([table.size, isHeld(1), isHeld(48), isHeld(49), isHeld(50)]).toEqual([
      3,
      true,
      false,
      true,
      true,
    ]);
    // Who opens one more is none of those that have least.
    open(table, 51, 0, 2n);
    expect([isHeld(1), isHeld(49), isHeld(50), isHeld(51)]).toEqual([true, false, true, true]);
  });

  test("loses its own results when it has too much to remember", () => {
    const table = new SessionTable(LIMITS);
    open(table, 1, 0, 1n);
    use(table, 1, 1);
    open(table, 2, 0, HOSTILE);
    open(table, 3, 0, HOSTILE);
    for (const session of [2, 3]) {
      const id = call(session, 1);
      table.admit(id, 0);
      table.remember(id, Buffer.alloc(180));
    }
    expect([use(table, 1, 1), use(table, 2, 1), use(table, 3, 1)]).toEqual([
      Admission.repeated,
      Admission.expired,
      Admission.repeated,
    ]);
  });
});

test("a table without secrets is read as one that has forgotten every session, and keeps the log's clock", () => {
  const old = Buffer.alloc(1 + 8 + 4 + 28);
  old.writeUInt8(1, 0);
  old.writeBigUInt64BE(5000n, 1);
  old.writeUInt32BE(1, 9);
  old.writeBigUInt64BE(7n, 13);
  const table = SessionTable.decode(old, LIMITS);
  expect([table.size, use(table, 7, 1)]).toEqual([0, Admission.expired]);
  open(table, 8, 100);
  expect(use(table, 8, 1, 1, 6000)).toBe(Admission.apply);
});

test("X3 a table goes on alike after it was encoded and decoded, whatever was done with it", () => {
  const step = fc.record({
    isOpening: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    owner: fc.integer({ min: 1, max: 3 }),
    session: fc.integer({ min: 1, max: 20 }),
    sequence: fc.integer({ min: 1, max: 8 }),
    answered: fc.integer({ min: 1, max: 6 }),
    afterMs: fc.integer({ min: -50, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, copiedAt) => {
      const table = new SessionTable(LIMITS);
      let copy = new SessionTable(LIMITS);
      let nowMs = 1000;
      for (const [
        i,
        { isOpening, owner, session, sequence, answered, afterMs },
      ] of steps.entries()) {
        nowMs += afterMs;
        if (i === copiedAt) {
          copy = SessionTable.decode(table.encode(), LIMITS);
        }
        const run = (each: SessionTable): string => {
          if (isOpening) {
            open(each, i + 1, nowMs, BigInt(owner));
            return "opened";
          }
          return use(each, session, sequence, answered, nowMs);
        };
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
  open(table, 7);
  use(table, 7, 1);
  const bytes = Buffer.from(table.encode());
  for (const end of [1, 5, bytes.length - 1]) {
    expect(() => SessionTable.decode(bytes.subarray(0, end))).toThrow(EnvelopeFault);
  }
  expect(SessionTable.decode(Buffer.alloc(0)).size).toBe(0);
  expect(SessionTable.decode(bytes, SESSION_LIMITS).encode()).toEqual(bytes);
});
