import type { Operation } from "./operation.ts";

/** What a key holds; null for nothing. */
export type RegisterState = string | null;

/** No state may follow. */
export const ILLEGAL: unique symbol = Symbol("illegal");

/** The state after `operation` on a key that holds `state`, or `ILLEGAL` when it saw something else. */
export function applyTo(
  state: RegisterState,
  operation: Operation,
): RegisterState | typeof ILLEGAL {
  const isKnown = operation.outcome === "ok";
  switch (operation.op) {
    case "get":
      return operation.found === state ? state : ILLEGAL;
    case "put":
      return operation.value;
    case "delete":
      return null;
    case "cas": {
      const matches = operation.expected === state;
      if (isKnown && operation.swapped !== matches) {
        return ILLEGAL;
      }
      return matches ? operation.value : state;
    }
  }
}
