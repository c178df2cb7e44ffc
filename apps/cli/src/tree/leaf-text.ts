import { parsePlain, plainText } from "./scalar-text.ts";
import type { Scalar } from "./tree.ts";

/** A list without items is a leaf: there is nothing below it that could show it. */
export type Leaf = Scalar | readonly [];

export const EMPTY_LIST: readonly [] = [];

const EMPTY_LIST_TEXT = "[]";
const QUOTE = '"';

/**
 * What is stored for a leaf. A string is stored as it is, so that `dt kv get` and `dt kv put` need no quotes;
 * only a string that would be read as something else is stored in JSON's quotes.
 */
export function encodeLeaf(leaf: Leaf): string {
  if (typeof leaf === "object" && leaf !== null) {
    return EMPTY_LIST_TEXT;
  }
  if (typeof leaf !== "string") {
    return plainText(leaf);
  }
  return decodeLeaf(leaf) === leaf ? leaf : JSON.stringify(leaf);
}

/** The leaf that a stored text stands for. Every text stands for one. */
export function decodeLeaf(text: string): Leaf {
  if (text === EMPTY_LIST_TEXT) {
    return EMPTY_LIST;
  }
  if (text.startsWith(QUOTE)) {
    return unquote(text) ?? text;
  }
  const plain = parsePlain(text);
  return plain === undefined ? text : plain;
}

/** Null for what only looks like a quoted string. */
function unquote(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" && JSON.stringify(value) === text ? value : null;
  } catch {
    // Not JSON: the text is the string itself.
    return null;
  }
}
