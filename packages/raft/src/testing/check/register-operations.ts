import type { ClientCall } from "./client-history.ts";
import type { RegisterOperation } from "./linearizability.ts";

/** The calls that say something about the registers; a write that nobody knows the end of may come at any time. */
export function registerOperations(calls: readonly ClientCall[]): RegisterOperation[] {
  const operations: RegisterOperation[] = [];
  for (const { kind, key, id, value, outcome, invokedAtMs: startMs, settledAtMs } of calls) {
    const isWrite = kind === "write";
    if (outcome === "ok") {
      operations.push({ kind, key, value: isWrite ? id : value, startMs, endMs: settledAtMs });
    } else if (isWrite && outcome !== "refused") {
      operations.push({ kind, key, value: id, startMs, endMs: Infinity });
    }
  }
  return operations;
}
