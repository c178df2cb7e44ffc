import type { Scalar } from "./tree.ts";

/** Text of a value that is not a string, as both YAML and a reader of the store see it. */
export function plainText(value: Exclude<Scalar, string>): string {
  if (typeof value !== "number" || Number.isFinite(value)) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  return Number.isNaN(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
}

const WORDS: ReadonlyMap<string, Exclude<Scalar, string>> = new Map<
  string,
  Exclude<Scalar, string>
>([
  ["null", null],
  ["true", true],
  ["false", false],
  [".nan", Number.NaN],
  [".inf", Number.POSITIVE_INFINITY],
  ["-.inf", Number.NEGATIVE_INFINITY],
]);

const INTEGER = /^-?(?:0|[1-9]\d*)$/u;
const NUMBER_START = /^-?\d/u;

/**
 * The value that is not a string and has exactly this text; undefined when there is none. `1.10` and `007` are
 * texts of no number, because their numbers are written differently: they are strings.
 */
export function parsePlain(text: string): Exclude<Scalar, string> | undefined {
  if (WORDS.has(text)) {
    return WORDS.get(text);
  }
  if (!NUMBER_START.test(text)) {
    return undefined;
  }
  const number = Number(text);
  if (INTEGER.test(text) && !Number.isSafeInteger(number)) {
    return BigInt(text);
  }
  return plainText(number) === text ? number : undefined;
}
