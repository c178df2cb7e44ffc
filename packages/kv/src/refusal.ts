/**
 * Why a command was not carried out. Negative, so that one number can hold a revision or a refusal. The numbers
 * are the results of log entries and, negated, on the wire of batch replies: they never change.
 */
export const Refusal = {
  keyEmptySegment: -1,
  keyTooLong: -2,
  keyNotUtf8: -3,
  valueTooLarge: -4,
  requestMalformed: -5,
  batchTooLarge: -6,
  unknownCommand: -7,
  isDirectory: -8,
  notDirectory: -9,
  parentIsValue: -10,
  notEmpty: -11,
  isRoot: -12,
  storeFull: -13,
} as const;

export type Refusal = (typeof Refusal)[keyof typeof Refusal];

/** What callers match on. */
export type RefusalCode =
  | "DT_KV_KEY_EMPTY_SEGMENT"
  | "DT_KV_KEY_TOO_LONG"
  | "DT_KV_KEY_UTF8"
  | "DT_KV_VALUE_TOO_LARGE"
  | "DT_KV_REQUEST_MALFORMED"
  | "DT_KV_BATCH_TOO_LARGE"
  | "DT_KV_UNKNOWN_COMMAND"
  | "DT_KV_IS_DIRECTORY"
  | "DT_KV_NOT_DIRECTORY"
  | "DT_KV_PARENT_IS_VALUE"
  | "DT_KV_NOT_EMPTY"
  | "DT_KV_IS_ROOT"
  | "DT_KV_STORE_FULL";

const CODES: Readonly<Record<Refusal, RefusalCode>> = {
  [Refusal.keyEmptySegment]: "DT_KV_KEY_EMPTY_SEGMENT",
  [Refusal.keyTooLong]: "DT_KV_KEY_TOO_LONG",
  [Refusal.keyNotUtf8]: "DT_KV_KEY_UTF8",
  [Refusal.valueTooLarge]: "DT_KV_VALUE_TOO_LARGE",
  [Refusal.requestMalformed]: "DT_KV_REQUEST_MALFORMED",
  [Refusal.batchTooLarge]: "DT_KV_BATCH_TOO_LARGE",
  [Refusal.unknownCommand]: "DT_KV_UNKNOWN_COMMAND",
  [Refusal.isDirectory]: "DT_KV_IS_DIRECTORY",
  [Refusal.notDirectory]: "DT_KV_NOT_DIRECTORY",
  [Refusal.parentIsValue]: "DT_KV_PARENT_IS_VALUE",
  [Refusal.notEmpty]: "DT_KV_NOT_EMPTY",
  [Refusal.isRoot]: "DT_KV_IS_ROOT",
  [Refusal.storeFull]: "DT_KV_STORE_FULL",
};

const VALUES: readonly Refusal[] = Object.values(Refusal);
const KNOWN_CODES: ReadonlySet<string> = new Set(Object.values(CODES));

export function refusalCode(refusal: Refusal): RefusalCode {
  return CODES[refusal];
}

/** The refusal with this negated number. Throws a RangeError for one of a later version. */
export function refusalFromWire(negated: number): Refusal {
  const refusal = VALUES.find((value) => value === -negated);
  if (refusal === undefined) {
    throw new RangeError(`no refusal has the number ${-negated}`);
  }
  return refusal;
}

export function isRefusalCode(code: string): code is RefusalCode {
  return KNOWN_CODES.has(code);
}
