import fc from "fast-check";
import { type Color, type Leaf, Sample } from "./src/gen/sample.ts";

const uint32 = fc.nat({ max: 0xffff_ffff });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint64 = fc.oneof(fc.maxSafeNat(), uint32);
const int64 = fc.oneof(fc.maxSafeInteger(), int32);
// Minus zero is the default of its field and so does not travel.
const double = fc.double().map((value) => value + 0);
const float = fc.float().map((value) => value + 0);
const text = fc.string({ unit: "binary", maxLength: 60 });
const bytes = fc.uint8Array({ maxLength: 200 }).map((array): Uint8Array => Buffer.from(array));
const color = fc.constantFrom<Color>(0, 1, 5);
const leaf: fc.Arbitrary<Leaf> = fc.record({ id: uint64, name: text });
// A plain object cannot have this name as an own key by assignment, which is what generated code
// does.
const key = text.filter((name) => name !== "__proto__");

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

function several<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(value, { maxLength: 5 });
}

function map<K extends string | number, V>(
  keys: fc.Arbitrary<K>,
  values: fc.Arbitrary<V>,
): fc.Arbitrary<Record<K, V>> {
  return fc
    .array(fc.tuple(keys, values), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as Record<K, V>);
}

const choice = fc.oneof(
  fc.constant({}),
  uint64.map((number) => ({ number })),
  text.map((value) => ({ text: value })),
  leaf.map((branch) => ({ branch })),
);

const flat = fc.record({
  aUint32: uint32,
  aInt32: int32,
  aSint32: int32,
  aUint64: uint64,
  aInt64: int64,
  aSint64: int64,
  aFixed32: uint32,
  aSfixed32: int32,
  aFixed64: uint64,
  aSfixed64: int64,
  aFloat: float,
  aDouble: double,
  aBool: fc.boolean(),
  aString: text,
  aBytes: bytes,
  color,
  maybeUint64: maybe(uint64),
  maybeString: maybe(text),
  maybeBytes: maybe(bytes),
  maybeBool: maybe(fc.boolean()),
  manyUint32: several(uint32),
  manyInt64: several(int64),
  manySint64: several(int64),
  manyFixed64: several(uint64),
  manyDouble: several(double),
  manyBool: several(fc.boolean()),
  manyString: several(text),
  manyBytes: several(bytes),
  manyColor: several(color),
  manyLeaf: several(leaf),
  leaf: maybe(leaf),
  textByText: map(key, text),
  numberByNumber: map(uint64, uint64),
  leafByNumber: map(int32, leaf),
  bytesByText: map(key, bytes),
});

/** Messages with every kind of field, nested up to `depth` deep. */
function nested(depth: number): fc.Arbitrary<Sample> {
  const child: fc.Arbitrary<Sample | undefined> =
    depth === 0 ? fc.constant(undefined) : maybe(nested(depth - 1));
  return fc
    .tuple(flat, choice, child)
    .map(([fields, chosen, inner]) => Sample.fromPartial({ ...fields, ...chosen, child: inner }));
}

export const sample: fc.Arbitrary<Sample> = nested(2);
