import type { Operation } from "./operation.ts";
import { decideDistinct } from "./distinct-values.ts";
import { hasLinearOrder } from "./search-order.ts";

export interface Violation {
  readonly key: string;
  /** The shortest part of the key's history, up to some instant, that has no order. */
  readonly prefix: readonly Operation[];
  /** The operation whose end makes it so. */
  readonly last: Operation;
}

/** Checks every key for itself; null when all of them have an order. */
export function checkHistory(operations: readonly Operation[]): Violation | null {
  for (const [key, ofKey] of Map.groupBy(operations, (operation) => operation.key)) {
    if (!isLinearizable(ofKey)) {
      return shortestViolation(key, ofKey);
    }
  }
  return null;
}

function isLinearizable(operations: readonly Operation[]): boolean {
  return decideDistinct(operations) ?? hasLinearOrder(operations);
}

/** Every history that begins with one that has no order has none either, so halving finds the first. */
function shortestViolation(key: string, operations: readonly Operation[]): Violation {
  const ends = operations
    .filter(({ outcome }) => outcome === "ok")
    .toSorted((a, b) => a.end - b.end);
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isLinearizable(until(operations, (ends[middle] as Operation).end))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const last = ends[low] as Operation;
  return { key, prefix: until(operations, last.end), last };
}

/** What had been seen at an instant: what ended later is open. */
function until(operations: readonly Operation[], instant: number): Operation[] {
  return operations
    .filter(({ start }) => start <= instant)
    .map((operation) =>
      operation.outcome === "ok" && operation.end > instant
        ? { ...operation, outcome: "unknown" as const }
        : operation,
    );
}
