import type { KvResult } from "./state-machine.ts";

/**
 * A result as a session keeps it: u8 kind, then numbers as big-endian doubles, because refusals are below 0.
 *
 * ```
 * 0 revision or refusal: 1 number      1 swapped: revision
 * 2 not swapped: mod revision          3 batch: 1 number per put
 * ```
 */
const Kind = { number: 0, swapped: 1, notSwapped: 2, batch: 3 } as const;
const NUMBER_BYTES = 8;

export function encodeResult(result: KvResult): Buffer {
  if (typeof result === "number") {
    return encodeNumbers(Kind.number, [result]);
  }
  if ("isSwapped" in result) {
    return result.isSwapped
      ? encodeNumbers(Kind.swapped, [result.revision])
      : encodeNumbers(Kind.notSwapped, [result.modRevision]);
  }
  return encodeNumbers(Kind.batch, result);
}

export function decodeResult(bytes: Buffer): KvResult {
  const numbers = Array.from({ length: (bytes.length - 1) / NUMBER_BYTES }, (_, i) =>
    bytes.readDoubleBE(1 + i * NUMBER_BYTES),
  );
  const [first = 0] = numbers;
  switch (bytes[0]) {
    case Kind.number:
      return first;
    case Kind.swapped:
      return { isSwapped: true, revision: first };
    case Kind.notSwapped:
      return { isSwapped: false, modRevision: first };
    default:
      return numbers;
  }
}

function encodeNumbers(kind: number, numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(1 + numbers.length * NUMBER_BYTES);
  bytes.writeUInt8(kind, 0);
  let at = 1;
  for (const each of numbers) {
    at = bytes.writeDoubleBE(each, at);
  }
  return bytes;
}
