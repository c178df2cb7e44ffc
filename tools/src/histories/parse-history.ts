import type { Operation } from "./operation.ts";

const OUTCOMES: readonly unknown[] = ["ok", "failed", "unknown"];

/** A line that is no operation. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
  /** From 1. */
  readonly line: number;

  constructor(line: number, problem: string, options?: ErrorOptions) {
    super(`line ${line}: ${problem}`, options);
    this.line = line;
  }
}

/** Operations as JSON, one a line; empty lines are skipped. Throws a `HistoryError`. */
export function parseHistory(text: string): Operation[] {
  const operations: Operation[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() !== "") {
      operations.push(parseLine(line, i + 1));
    }
  }
  return operations;
}

function parseLine(text: string, line: number): Operation {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HistoryError(line, "no JSON", { cause });
  }
  if (typeof value !== "object" || value === null) {
    throw new HistoryError(line, "no object");
  }
  const problem = problemOf(value as Record<string, unknown>);
  if (problem !== null) {
    throw new HistoryError(line, problem);
  }
  return value as Operation;
}

function problemOf(fields: Record<string, unknown>): string | null {
  const { op, key, client, start, end, outcome, value, expected, found, swapped } = fields;
  if (typeof key !== "string") {
    return "key is no string";
  }
  if (typeof client !== "string" && typeof client !== "number") {
    return "client is neither a number nor a string";
  }
  if (!OUTCOMES.includes(outcome)) {
    return "outcome is not ok, failed or unknown";
  }
  if (typeof start !== "number" || (outcome !== "unknown" && typeof end !== "number")) {
    return "start or end is no number";
  }
  if (outcome !== "unknown" && (end as number) < start) {
    return "ends before it starts";
  }
  switch (op) {
    case "get":
      return outcome === "ok" && !isValue(found) ? "found is neither a string nor null" : null;
    case "put":
      return typeof value === "string" ? null : "value is no string";
    case "delete":
      return null;
    case "cas":
      if (typeof value !== "string" || !isValue(expected)) {
        return "value or expected is no string";
      }
      return outcome === "ok" && typeof swapped !== "boolean" ? "swapped is no boolean" : null;
    default:
      return "op is not get, put, delete or cas";
  }
}

function isValue(value: unknown): boolean {
  return typeof value === "string" || value === null;
}
