// Hot path: per call. What can be refused without asking the server, and its answers as errors of this package.
import type { RpcError } from "@dt/rpc";
import { MAX_BATCH_BYTES, MAX_BATCH_KEYS } from "../command/batch-put.ts";
import type { CasExpectation } from "../command/cas.ts";
import type { ValueInput } from "../command/key-field.ts";
import type { PutRequest } from "../command/put.ts";
import { KvError } from "../errors.ts";
import { isRefusalCode, Refusal, refusalCode } from "../refusal.ts";
import { refusalReason } from "../refusal-reason.ts";
import { MAX_KEY_BYTES } from "../store/byte-key.ts";
import { MAX_VALUE_BYTES } from "../store/record.ts";

const UINT32_LIMIT = 0x1_0000_0000;

/** Whether the key can be encoded at all; the server checks the rest. */
export function badKey(key: string): KvError | null {
  if (typeof key !== "string") {
    return malformed("the key is not a string");
  }
  // A character is a byte at least, and the leading slash does not count.
  if (key.length > MAX_KEY_BYTES + 1) {
    return refusal(Refusal.keyTooLong);
  }
  return key.isWellFormed() ? null : refusal(Refusal.keyNotUtf8);
}

/** Anything but text and bytes has no length that could be trusted when it is copied into a frame. */
export function badValue(value: ValueInput): KvError | null {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    return malformed("the value is neither a string nor a Uint8Array");
  }
  if (value.length > MAX_VALUE_BYTES) {
    return refusal(Refusal.valueTooLarge);
  }
  return typeof value === "string" && !value.isWellFormed()
    ? malformed("the value has a lone surrogate, which UTF-8 cannot carry")
    : null;
}

export function badKeys(keys: readonly string[]): KvError | null {
  if (keys.length > MAX_BATCH_KEYS) {
    return refusal(Refusal.batchTooLarge);
  }
  for (const key of keys) {
    const error = badKey(key);
    if (error !== null) {
      return error;
    }
  }
  return null;
}

export function badLimit(limit: number): KvError | null {
  return Number.isInteger(limit) && limit >= 0 && limit < UINT32_LIMIT
    ? null
    : malformed(`limit ${limit} is not an integer in 0..${UINT32_LIMIT - 1}`);
}

export function badPuts(puts: readonly PutRequest[]): KvError | null {
  if (puts.length > MAX_BATCH_KEYS) {
    return refusal(Refusal.batchTooLarge);
  }
  // A character is a byte at least: what is over the limit by that is not even encoded.
  let bytes = 0;
  for (const { key, value } of puts) {
    const error = badKey(key) ?? badValue(value);
    if (error !== null) {
      return error;
    }
    bytes += key.length + value.length;
  }
  return bytes > MAX_BATCH_BYTES ? refusal(Refusal.batchTooLarge) : null;
}

/** Exactly one of the two is there: a swap that looked at one alone would not be what was asked for. */
export function badExpectation(expected: CasExpectation): KvError | null {
  const { revision, value }: Partial<Record<"revision", number> & Record<"value", unknown>> =
    expected;
  if ((revision === undefined) === (value === undefined)) {
    return malformed("expected is either a revision or a value");
  }
  if (revision === undefined) {
    return value === null ? null : badValue(value as ValueInput);
  }
  return Number.isSafeInteger(revision) && revision >= 0
    ? null
    : malformed(`revision ${revision} is not an integer in 0..2^53-1`);
}

/** The refusal in an answer; any other answer is left as it is. */
export function toKvError(error: RpcError): Error {
  const { fault } = error;
  return fault.code === "DT_RPC_REMOTE" &&
    fault.remoteCode !== null &&
    isRefusalCode(fault.remoteCode)
    ? new KvError({ code: fault.remoteCode, reason: fault.remoteMessage }, { cause: error })
    : error;
}

function refusal(value: Refusal): KvError {
  return new KvError({ code: refusalCode(value), reason: refusalReason(value) });
}

function malformed(reason: string): KvError {
  return new KvError({ code: refusalCode(Refusal.requestMalformed), reason });
}
