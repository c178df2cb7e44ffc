import type { TreeProblem } from "./tree.ts";

/** The problem of a document that is nested more deeply than the stack is, or longer than a string; any other error is thrown on. */
export function tooDeep(error: unknown): TreeProblem {
  if (error instanceof RangeError) {
    return { path: "", message: "nested too deeply, or too long, for a document" };
  }
  throw error;
}
