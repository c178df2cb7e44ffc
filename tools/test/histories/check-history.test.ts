import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SimGroups } from "@dt/raft/testing";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkHistory } from "../../src/histories/check-history.ts";
import type { Operation } from "../../src/histories/operation.ts";
import { HistoryError, parseHistory } from "../../src/histories/parse-history.ts";

import { applyTo, ILLEGAL, type RegisterState } from "../../src/histories/register.ts";
import { hasLinearOrder } from "../../src/histories/search-order.ts";

const MAIN = fileURLToPath(new URL("../../src/histories/main.js", import.meta.url));
const BASE = { client: 1, key: "k", outcome: "ok" } as const;

function put(value: string, start: number, end: number, key = "k"): Operation {
  return { ...BASE, key, op: "put", value, start, end };
}

function get(found: string | null, start: number, end: number, key = "k"): Operation {
  return { ...BASE, key, op: "get", found, start, end };
}

function del(start: number, end: number): Operation {
  return { ...BASE, op: "delete", start, end };
}

function cas(expected: string | null, value: string, swapped: boolean, at: number): Operation {
  return { ...BASE, op: "cas", expected, value, swapped, start: at, end: at + 1 };
}

function unknown(operation: Operation): Operation {
  return { ...operation, outcome: "unknown" };
}

function failed(operation: Operation): Operation {
  return { ...operation, outcome: "failed" };
}

describe("good histories", () => {
  test.each<[string, Operation[]]>([
    ["nothing", []],
    ["a key that does not exist", [get(null, 1, 2), put("a", 3, 4), get("a", 5, 6)]],
    ["a read during a write, either way", [put("a", 1, 9), get(null, 2, 3), get("a", 4, 5)]],
    [
      "an unknown write that happens late",
      [unknown(put("a", 1, 2)), get(null, 5, 6), get("a", 7, 8)],
    ],
    [
      "an unknown write that never happens",
      [put("a", 1, 2), unknown(put("b", 3, 4)), get("a", 5, 6)],
    ],
    ["a failed write", [failed(put("a", 1, 2)), get(null, 3, 4)]],
    ["an unanswered read", [put("a", 1, 2), unknown(get("z", 3, 4)), get("a", 5, 6)]],
    ["a delete", [put("a", 1, 2), del(3, 4), get(null, 5, 6)]],
    ["an unknown delete", [put("a", 1, 2), unknown(del(3, 4)), get("a", 5, 6), get(null, 7, 8)]],
    ["a lock taken once", [cas(null, "a", true, 1), cas(null, "b", false, 3), get("a", 5, 6)]],
    [
      "an unknown cas that did not match",
      [put("a", 1, 2), unknown(cas("x", "y", true, 3)), get("a", 5, 6)],
    ],
    [
      "equal values written twice",
      [put("a", 1, 2), put("b", 3, 4), put("a", 5, 6), get("a", 7, 8)],
    ],
    ["keys for themselves", [put("a", 1, 2, "x"), get(null, 3, 4, "y"), get("a", 5, 6, "x")]],
    ["ends and starts at one instant", [put("a", 1, 2), get(null, 2, 3)]],
  ])("%s", (_, history) => {
    expect(checkHistory(history)).toBeNull();
  });
});

describe("bad histories, and the operation that shows it", () => {
  test.each<[string, Operation[], number]>([
    ["a stale read", [put("a", 1, 2), put("b", 3, 4), get("a", 5, 6), get("b", 7, 8)], 2],
    ["a lost write", [put("a", 1, 2), get(null, 3, 4)], 1],
    ["a read of what nobody wrote", [put("a", 1, 2), get("z", 3, 4)], 1],
    ["a read before its write", [get("a", 1, 2), put("a", 3, 4)], 0],
    ["a failed write that is seen", [failed(put("a", 1, 2)), get("a", 3, 4)], 1],
    ["a lock taken twice", [cas(null, "a", true, 1), cas(null, "b", true, 3)], 1],
    ["a lock refused that was free", [cas(null, "a", false, 1)], 0],
    [
      "a deleted value that comes back",
      [put("a", 1, 2), del(3, 4), get(null, 5, 6), get("a", 7, 8)],
      3,
    ],
    [
      "an unknown write that happens twice",
      [unknown(put("a", 1, 2)), get("a", 3, 4), put("b", 5, 6), get("a", 7, 8)],
      3,
    ],
    [
      "two reads that see two writes in opposite orders",
      [put("a", 1, 9), put("b", 1, 9), get("a", 2, 3), get("b", 4, 5), get("a", 6, 7)],
      4,
    ],
  ])("%s", (_, history, at) => {
    const violation = checkHistory(history);
    expect(violation?.last).toEqual(history[at]);
    expect(checkHistory(violation?.prefix ?? [])).not.toBeNull();
  });
});

/** A history that happened: each operation took effect at an instant of its own between start and end. */
function generated(seed: readonly number[], unknownEvery: number): Operation[] {
  let state: RegisterState = null;
  return seed.map((draw, i): Operation => {
    const at = i * 10;
    const times = { start: at - (draw % 37), end: at + (draw % 41) };
    const outcome = i % unknownEvery === unknownEvery - 1 ? "unknown" : "ok";
    const head = { client: i % 7, key: "k", outcome, ...times } as const;
    const value = `v${draw % 50}`;
    const before = state;
    switch (draw % 4) {
      case 0:
        return { ...head, op: "get", found: before };
      case 1:
        state = null;
        return { ...head, op: "delete" };
      case 2: {
        const expected = draw % 3 === 0 ? before : value;
        const swapped = expected === before;
        state = swapped ? value : before;
        return { ...head, op: "cas", expected, value, swapped };
      }
      default:
        state = value;
        return { ...head, op: "put", value };
    }
  });
}

const draws = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 300 });

test("what happened is linearizable, also with many unknown outcomes", () => {
  fc.assert(
    fc.property(draws, fc.integer({ min: 2, max: 20 }), (seed, unknownEvery) => {
      expect(checkHistory(generated(seed, unknownEvery))).toBeNull();
    }),
    { numRuns: 100, seed: 1 },
  );
});

test("a changed answer is found, at the answer or after it", () => {
  let changed = 0;
  fc.assert(
    fc.property(draws, fc.nat(), (seed, pick) => {
      const history = generated(seed, 1000);
      const gets = history.filter(({ op }) => op === "get");
      const victim = gets[pick % Math.max(1, gets.length)];
      if (victim === undefined) {
        return;
      }
      changed++;
      const bad = history.map((o) => (o === victim ? { ...victim, found: "never written" } : o));
      const violation = checkHistory(bad as Operation[]);
      expect(violation?.last).toEqual({ ...victim, found: "never written" });
    }),
    { numRuns: 60, seed: 2 },
  );
  expect(changed).toBeGreaterThan(40);
});

test("agrees with a search of all orders", () => {
  let bad = 0;
  const operation = fc.record({
    kind: fc.constantFrom("get", "put", "delete", "cas"),
    a: fc.constantFrom(null, "x", "y"),
    b: fc.constantFrom("x", "y"),
    flag: fc.boolean(),
    start: fc.nat(12),
    span: fc.nat(8),
    outcome: fc.constantFrom("ok", "ok", "ok", "unknown", "failed"),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), (drafts) => {
      const history = drafts.map(({ kind, a, b, flag, start, span, outcome }): Operation => {
        const head = { client: 1, key: "k", start, end: start + span, outcome } as const;
        const fields = {
          get: { found: a },
          put: { value: b },
          delete: {},
          cas: { expected: a, value: b, swapped: flag },
        };
        return { ...head, op: kind, ...fields[kind as "get"] } as unknown as Operation;
      });
      const isGood = hasOrder(history.filter(isRelevant), null);
      bad += isGood ? 0 : 1;
      expect(checkHistory(history) === null).toBe(isGood);
      expect(hasLinearOrder(history)).toBe(isGood);
    }),
    { numRuns: 4000, seed: 3 },
  );
  expect(bad).toBeGreaterThan(500);
});

function isRelevant({ op, outcome }: Operation): boolean {
  return outcome === "ok" || (outcome === "unknown" && op !== "get");
}

/** Tries every order. */
function hasOrder(left: readonly Operation[], state: RegisterState): boolean {
  if (left.every(({ outcome }) => outcome === "unknown")) {
    return true;
  }
  const ended = left.filter(({ outcome }) => outcome === "ok");
  const firstEnd = Math.min(...ended.map(({ end }) => end));
  return left.some((next) => {
    const after = next.start > firstEnd ? ILLEGAL : applyTo(state, next);
    return (
      after !== ILLEGAL &&
      hasOrder(
        left.filter((other) => other !== next),
        after,
      )
    );
  });
}

test("histories of simulated groups are good, and bad with one stale read", async () => {
  for (const seed of [1, 2, 3]) {
    const groups = new SimGroups(seed);
    await groups.play();
    const history = groups.history.calls.map((call): Operation => {
      const { kind, outcome, client, invokedAtMs: start, settledAtMs: end } = call;
      const ending = outcome === "ok" ? "ok" : outcome === "refused" ? "failed" : "unknown";
      const head = { client, key: `k${call.key}`, start, end, outcome: ending } as const;
      const found = call.value === 0 ? null : String(call.value);
      return kind === "write"
        ? { ...head, op: "put", value: String(call.id) }
        : { ...head, op: "get", found };
    });
    expect(checkHistory(history)).toBeNull();
    const last = history.findLast(({ op, outcome }) => op === "get" && outcome === "ok");
    const stale = history.map((o) => (o === last ? { ...o, found: null } : o)) as Operation[];
    expect(checkHistory(stale)?.last).toMatchObject({ op: "get", found: null });
  }
});

describe("a history as text", () => {
  test("is read line by line", () => {
    const lines = [put("a", 1, 2), get("a", 3, 4)].map((operation) => JSON.stringify(operation));
    expect(checkHistory(parseHistory(`${lines.join("\n")}\n\n`))).toBeNull();
  });

  test.each([
    ["nonsense", "no JSON"],
    ["3", "no object"],
    ['{"op":"get"}', "key"],
    ['{"op":"get","key":"k","client":1,"outcome":"ok","start":1,"end":2}', "found"],
    [
      '{"op":"get","key":"k","client":1,"outcome":"ok","start":3,"end":2,"found":null}',
      "ends before",
    ],
    ['{"op":"fly","key":"k","client":1,"outcome":"ok","start":1,"end":2}', "op is not"],
    ['{"op":"put","key":"k","client":1,"outcome":"maybe","start":1,"end":2}', "outcome"],
  ])("refuses %s", (line, problem) => {
    const attempt = (): unknown => parseHistory(`\n${line}`);
    expect(attempt).toThrow(HistoryError);
    expect(attempt).toThrow(`line 2: `);
    expect(attempt).toThrow(problem);
  });
});

test("the program says yes or no, and shows the operations", () => {
  const directory = mkdtempSync(join(tmpdir(), "dt-history-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const check = (history: Operation[]): { status: number | null; stdout: string } => {
    const file = join(directory, "history.jsonl");
    writeFileSync(file, history.map((operation) => `${JSON.stringify(operation)}\n`).join(""));
    return spawnSync(process.execPath, [MAIN, file], { encoding: "utf8" });
  };
  expect(check([put("a", 1, 2), get("a", 3, 4)])).toMatchObject({
    status: 0,
    stdout: "linearizable: 2 operations on 1 keys\n",
  });
  const bad = check([put("a", 1, 2), get(null, 3, 4), get("a", 5, 6)]);
  expect(bad.status).toBe(1);
  expect(bad.stdout).toMatch(/^not linearizable: 2 operations on key "k" up to\n/u);
  expect(bad.stdout.trim().split("\n").length).toBe(4);
});
