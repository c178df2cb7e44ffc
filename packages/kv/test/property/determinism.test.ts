import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePut } from "../../src/command/put.ts";
import { EntryKind } from "../../src/command/numbers.ts";
import { KvStateMachine } from "../../src/state-machine.ts";
import type { KvResult } from "../../src/state-machine.ts";
import { payload } from "../payload.ts";
import { entryOf, writeArbitrary } from "./commands.ts";
import type { Entry } from "./commands.ts";

function applyAll(stateMachine: KvStateMachine, entries: readonly Entry[]): KvResult[] {
  return entries.map((entry, i) =>
    stateMachine.apply(entry.kind, entry.payload, 0, entry.payload.length, 1000 + i),
  );
}

/** Good commands, commands that are cut or changed somewhere, and plain noise. */
const entryArbitrary: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 5, arbitrary: writeArbitrary.map(entryOf) },
  fc
    .tuple(writeArbitrary.map(entryOf), fc.nat(), fc.nat({ max: 255 }), fc.boolean())
    .map(([entry, at, byte, isCut]) => damage(entry, at, byte, isCut)),
  fc.record({
    kind: fc.nat({ max: 7 }),
    payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
);

function damage(entry: Entry, at: number, byte: number, isCut: boolean): Entry {
  const changed = Buffer.from(entry.payload);
  const place = changed.length === 0 ? 0 : at % changed.length;
  if (isCut) {
    return { kind: entry.kind, payload: changed.subarray(0, place) };
  }
  changed[place] = byte;
  return { kind: entry.kind, payload: changed };
}

describe("two state machines", () => {
  it("that are fed the same entries, sound or not, answer and end the same", () => {
    fc.assert(
      fc.property(fc.array(entryArbitrary, { maxLength: 80 }), (entries) => {
        const [one, other] = [new KvStateMachine(), new KvStateMachine()];
        expect(applyAll(one, entries)).toEqual(applyAll(other, entries));
        expect(one.digest()).toBe(other.digest());
      }),
      { numRuns: 300 },
    );
  });

  it("differ in their digest after any difference in what was applied", () => {
    const base = { kind: EntryKind.put, payload: payload(encodePut, { key: "a/b", value: "x" }) };
    const digests = [
      [],
      [base],
      [base, base],
      [{ ...base, payload: payload(encodePut, { key: "a/b", value: "y" }) }],
      [{ ...base, payload: payload(encodePut, { key: "a/c", value: "x" }) }],
      [{ kind: EntryKind.mkdir, payload: Buffer.from("a/b") }],
      [{ kind: EntryKind.mkdir, payload: Buffer.from("a") }, base],
      [
        { kind: EntryKind.mkdir, payload: Buffer.from("a") },
        { kind: EntryKind.delete, payload: Buffer.from("\0a") },
      ],
    ].map((entries) => {
      const stateMachine = new KvStateMachine();
      applyAll(stateMachine, entries);
      return stateMachine.digest();
    });
    expect(new Set(digests).size).toBe(digests.length);
  });

  it("differ in their digest when the entries were stamped differently", () => {
    const body = payload(encodePut, { key: "a", value: "x" });
    const [one, other] = [new KvStateMachine(), new KvStateMachine()];
    one.apply(EntryKind.put, body, 0, body.length, 1);
    other.apply(EntryKind.put, body, 0, body.length, 2);
    expect(one.digest()).not.toBe(other.digest());
  });
});
