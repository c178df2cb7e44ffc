import { checkLinearizable, type RegisterOperation } from "@dt/raft/testing";
import type { Operation } from "./operation.ts";

/**
 * Whether the operations on one key have an order, decided without a search; null where that takes
 * one. Possible for puts and gets alone when no value is put twice: each get then names its put.
 */
export function decideDistinct(operations: readonly Operation[]): boolean | null {
  const ids = new Map<string, number>();
  for (const operation of operations) {
    if (operation.op === "cas" || operation.op === "delete") {
      return null;
    }
    if (operation.op === "put") {
      if (ids.has(operation.value)) {
        return null;
      }
      ids.set(operation.value, ids.size + 1);
    }
  }
  const drafts: RegisterOperation[] = [];
  for (const operation of operations) {
    const { outcome, start: startMs, end } = operation;
    const endMs = outcome === "unknown" ? Infinity : end;
    if (operation.op === "put" && outcome !== "failed") {
      drafts.push({ kind: "write", key: 0, value: ids.get(operation.value) ?? -1, startMs, endMs });
    } else if (operation.op === "get" && outcome === "ok") {
      const { found = null } = operation;
      const value = found === null ? 0 : (ids.get(found) ?? -1);
      drafts.push({ kind: "read", key: 0, value, startMs, endMs });
    }
  }
  return checkLinearizable(drafts) === null;
}
