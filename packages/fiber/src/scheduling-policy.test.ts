import { expect, test } from "vitest";

import { codeOf } from "../test/world.ts";
import { FifoPolicy } from "./fifo-policy.ts";
import { GroupBudgetPolicy } from "./group-budget-policy.ts";
import { PriorityPolicy } from "./priority-policy.ts";
import type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";
import { SeededPolicy } from "./seeded-policy.ts";

function runnable(name: string, group: object = GROUP, priority = 1): Runnable {
  return { name, group, priority, run: () => {} };
}

const GROUP = {};

function popAll(policy: SchedulingPolicy): string[] {
  const names: string[] = [];
  for (let next = policy.pop(); next !== null; next = policy.pop()) {
    names.push(next.name);
  }
  return names;
}

test.each([
  ["fifo", () => new FifoPolicy()],
  ["priority", () => new PriorityPolicy()],
  ["group budget", () => new GroupBudgetPolicy(3)],
  ["seeded", () => new SeededPolicy(42)],
])("%s: gives back each runnable exactly once and counts them", (_name, make) => {
  const policy = make();
  expect(policy.pop()).toBeNull();
  const groups = [{}, {}, {}];
  const pushed: string[] = [];
  const popped: string[] = [];
  for (let i = 0; i < 300; i++) {
    pushed.push(`r${i}`);
    policy.push(runnable(`r${i}`, groups[i % 3], i % 3));
    if (i % 2 === 0) {
      popped.push(policy.pop()?.name ?? "none");
    }
    expect(policy.size).toBe(pushed.length - popped.length);
  }
  popped.push(...popAll(policy));
  expect(popped.toSorted()).toEqual(pushed.toSorted());
  expect(policy.size).toBe(0);
});

test("fifo keeps the order", () => {
  const policy = new FifoPolicy();
  for (const name of ["a", "b", "c"]) {
    policy.push(runnable(name));
  }
  expect(popAll(policy)).toEqual(["a", "b", "c"]);
});

test("priority runs the higher first and keeps the order within one", () => {
  const policy = new PriorityPolicy();
  for (const [name, priority] of [
    ["l1", 2],
    ["n1", 1],
    ["h1", 0],
    ["n2", 1],
    ["h2", 0],
  ] as const) {
    policy.push(runnable(name, GROUP, priority));
  }
  expect(popAll(policy)).toEqual(["h1", "h2", "n1", "n2", "l1"]);
});

test("priority lets the lowest run after so many were preferred to it", () => {
  const policy = new PriorityPolicy(3);
  policy.push(runnable("low", GROUP, 2));
  const order: string[] = [];
  for (let i = 0; i < 6; i++) {
    policy.push(runnable(`high ${i}`, GROUP, 0));
    order.push(policy.pop()?.name ?? "none");
  }
  expect(order).toEqual(["high 0", "high 1", "high 2", "low", "high 3", "high 4"]);
});

test("group budget gives groups turns of limited length", () => {
  const policy = new GroupBudgetPolicy(2);
  const [a, b] = [{}, {}];
  for (let i = 0; i < 5; i++) {
    policy.push(runnable(`a${i}`, a));
  }
  policy.push(runnable("b0", b));
  policy.push(runnable("b1", b));
  policy.push(runnable("b2", b));
  expect(popAll(policy)).toEqual(["a0", "a1", "b0", "b1", "a2", "a3", "b2", "a4"]);
});

test("group budget: one that keeps becoming ready does not hold up another", () => {
  const policy = new GroupBudgetPolicy(2);
  const [busy, other] = [{}, {}];
  policy.push(runnable("busy", busy));
  policy.push(runnable("other", other));
  const order: string[] = [];
  for (let i = 0; i < 5; i++) {
    const next = policy.pop();
    order.push(next?.name ?? "none");
    if (next?.group === busy) {
      policy.push(next);
    }
  }
  expect(order).toEqual(["busy", "busy", "other", "busy", "busy"]);
});

test("seeded: the same seed gives the same order, others give others", () => {
  const orderOf = (seed: number): string => {
    const policy = new SeededPolicy(seed);
    for (let i = 0; i < 20; i++) {
      policy.push(runnable(`${i}`));
    }
    return popAll(policy).join(" ");
  };
  expect(orderOf(7)).toBe(orderOf(7));
  const orders = new Set(Array.from({ length: 50 }, (_, seed) => orderOf(seed)));
  expect(orders.size).toBe(50);
});

test("seeded: each of three is first about equally often", () => {
  const firsts = new Map<string, number>();
  for (let seed = 0; seed < 3000; seed++) {
    const policy = new SeededPolicy(seed);
    for (const name of ["a", "b", "c"]) {
      policy.push(runnable(name));
    }
    const name = policy.pop()?.name ?? "none";
    firsts.set(name, (firsts.get(name) ?? 0) + 1);
  }
  for (const name of ["a", "b", "c"]) {
    expect(firsts.get(name)).toBeGreaterThan(800);
  }
});

test.each([0, 1.5, Number.NaN])("refuses a limit of %s", (limit) => {
  expect(codeOf(() => new PriorityPolicy(limit))).toBe("DT_FIBER_ARGUMENT");
  expect(codeOf(() => new GroupBudgetPolicy(limit))).toBe("DT_FIBER_ARGUMENT");
});
