import { parsePlain, plainText } from "./scalar-text.ts";
import type { Scalar } from "./tree.ts";

/** What a segment of a key stands for: the key of a map, or the place in a list. */
export type Step =
  | { readonly kind: "key"; readonly key: Scalar }
  | { readonly kind: "item"; readonly index: number };

const EMPTY = "%";
const ITEM = /^@(0|[1-9]\d*)$/u;
/** Slashes separate segments, control characters break terminals, and a percent sign starts an escape. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const SPECIAL = /[%/\u0000-\u001F\u007F]/gu;
const ESCAPE = /%([0-9A-F]{2})/gu;

export function itemSegment(index: number): string {
  return `@${index}`;
}

/**
 * The segment for a key of a map. A key that is not a string is its own text. A string is itself with special
 * characters as `%` and two digits; one that would be read as something else has its first character escaped.
 */
export function keySegment(key: Scalar): string {
  if (typeof key !== "string") {
    return plainText(key);
  }
  if (key === "") {
    return EMPTY;
  }
  const segment = key.replace(SPECIAL, escapeCharacter);
  return ITEM.test(segment) || isPlainKey(segment)
    ? escapeCharacter(segment) + segment.slice(1)
    : segment;
}

/**
 * What a segment stands for. A segment that `keySegment` never makes, because somebody wrote that key by hand,
 * stands for itself.
 */
export function readSegment(segment: string): Step {
  const item = ITEM.exec(segment)?.[1];
  if (item !== undefined && Number.isSafeInteger(Number(item))) {
    return { kind: "item", index: Number(item) };
  }
  return { kind: "key", key: readKey(segment) };
}

/** The key that a text stands for in a document that has only strings as keys, such as JSON. */
export function keyOfText(text: string): Scalar {
  return isPlainKey(text) ? (parsePlain(text) ?? null) : text;
}

function readKey(segment: string): Scalar {
  if (segment === EMPTY) {
    return "";
  }
  if (isPlainKey(segment)) {
    return keyOfText(segment);
  }
  const key = segment.replace(ESCAPE, (_escape, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return keySegment(key) === segment ? key : segment;
}

/** A `Map` does not tell -0 from 0, so -0 is left to be a string. */
function isPlainKey(text: string): boolean {
  return text !== "-0" && parsePlain(text) !== undefined;
}

/** The first character, which is one byte of UTF-8, as an escape. */
function escapeCharacter(text: string): string {
  const digits = text.charCodeAt(0).toString(16).toUpperCase();
  return `%${digits.padStart(2, "0")}`;
}
