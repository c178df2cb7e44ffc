import fc from "fast-check";
import { encodeBatchPut } from "../../src/command/batch-put.ts";
import { encodeCas } from "../../src/command/cas.ts";
import type { CasExpectation } from "../../src/command/cas.ts";
import { encodeDelete } from "../../src/command/delete.ts";
import { encodeMkdir } from "../../src/command/mkdir.ts";
import { EntryKind } from "../../src/command/numbers.ts";
import { encodePut } from "../../src/command/put.ts";
import type { PutRequest } from "../../src/command/put.ts";
import { payload } from "../payload.ts";

/** One write as a client asks for it. */
export type Write =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string; readonly isRecursive: boolean }
  | { readonly kind: "mkdir"; readonly key: string }
  | { readonly kind: "batchPut"; readonly puts: readonly PutRequest[] }
  | {
      readonly kind: "cas";
      readonly key: string;
      readonly expected: CasExpectation;
      readonly value: string;
    };

export interface Entry {
  readonly kind: number;
  readonly payload: Buffer;
}

// Few names, so that keys meet: as values, as directories, and one below the other.
const name = fc.constantFrom("a", "b", "a-b", "ä", "🙂");
export const keyArbitrary: fc.Arbitrary<string> = fc
  .tuple(fc.boolean(), fc.array(name, { maxLength: 4 }))
  .map(([hasSlash, names]) => (hasSlash ? "/" : "") + names.join("/"));
const value = fc.constantFrom("", "x", "ä", "long".repeat(1500));
const put = fc.record({ key: keyArbitrary, value });

export const writeArbitrary: fc.Arbitrary<Write> = fc.oneof(
  { weight: 4, arbitrary: put.map((each) => ({ kind: "put" as const, ...each })) },
  fc.record({ kind: fc.constant("delete" as const), key: keyArbitrary, isRecursive: fc.boolean() }),
  fc.record({ kind: fc.constant("mkdir" as const), key: keyArbitrary }),
  fc.record({ kind: fc.constant("batchPut" as const), puts: fc.array(put, { maxLength: 5 }) }),
  fc.record({
    kind: fc.constant("cas" as const),
    key: keyArbitrary,
    expected: fc.oneof(
      fc.record({ revision: fc.nat({ max: 20 }) }),
      fc.record({ value: fc.option(value) }),
    ),
    value,
  }),
);

export function entryOf(write: Write): Entry {
  switch (write.kind) {
    case "put":
      return { kind: EntryKind.put, payload: payload(encodePut, write) };
    case "delete":
      return { kind: EntryKind.delete, payload: payload(encodeDelete, write) };
    case "mkdir":
      return { kind: EntryKind.mkdir, payload: payload(encodeMkdir, write.key) };
    case "batchPut":
      return { kind: EntryKind.batchPut, payload: payload(encodeBatchPut, write.puts) };
    case "cas":
      return { kind: EntryKind.cas, payload: payload(encodeCas, write) };
  }
}
