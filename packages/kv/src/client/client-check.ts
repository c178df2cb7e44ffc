// Hot path: per call. What can be refused without asking the server, and its answers as errors of this package.
import type { RpcError } from "@dt/rpc";
import { MAX_BATCH_KEYS } from "../command/batch-put.ts";
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
  // A character is a byte at least, and the leading slash does not count.
  if (key.length > MAX_KEY_BYTES + 1) {
    return refusal(Refusal.keyTooLong);
  }
  return key.isWellFormed() ? null : refusal(Refusal.keyNotUtf8);
}

export function badValue(value: ValueInput): KvError | null {
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
  for (const { key, value } of puts) {
    const error = badKey(key) ?? badValue(value);
    if (error !== null) {
      return error;
    }
  }
  return null;
}

export function badExpectation(expected: CasExpectation): KvError | null {
  if ("value" in expected) {
    return expected.value === null ? null : badValue(expected.value);
  }
  const { revision } = expected;
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
