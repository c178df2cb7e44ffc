import { keyOfText } from "./key-segment.ts";
import type { Scalar, Tree, TreeProblem } from "./tree.ts";

const INTEGER = /^-?\d+$/u;

/**
 * Reads JSON. Of a key that is given twice the last one counts. A key that reads as a number, true, false or
 * null counts as that value, which is the same text in JSON and in the store.
 */
export function readJson(text: string, problems: TreeProblem[]): Tree {
  try {
    return JSON.parse(text, revive) as Tree;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.push({ path: "", message: `not JSON: ${message}` });
    return null;
  }
}

/** Makes maps of objects, and keeps integers exact that a number cannot hold. */
function revive(_key: string, value: unknown, context: { readonly source?: string } = {}): Tree {
  if (typeof value === "number") {
    const { source = "" } = context;
    return INTEGER.test(source) && !Number.isSafeInteger(value) ? BigInt(source) : value;
  }
  if (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Map)
  ) {
    const entries: [Scalar, Tree][] = Object.entries(value).map(([name, child]) => [
      keyOfText(name),
      child as Tree,
    ]);
    return new Map(entries);
  }
  return value as Tree;
}
