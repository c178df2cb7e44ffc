import { BinaryReader as PlainReader, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PbParser } from "@dt/codec";
import { EventLog } from "../event-log.ts";
import { sample } from "../sample-arbitrary.ts";
import { Sample } from "../src/gen/sample.ts";

/** What the parser must report, according to the wire reader of another runtime. */
function expectedEvents(bytes: Uint8Array): string[] {
  const events = [`begin ${bytes.length}`];
  const reader = new PlainReader(bytes);
  const halves = (bits: bigint | string): string => {
    const value = BigInt(bits);
    return `${value >> 32n} ${value & 0xffff_ffffn}`;
  };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    switch (wireType) {
      case WireType.Varint:
        events.push(`${field} varint ${halves(reader.uint64())}`);
        break;
      case WireType.Bit32:
        events.push(`${field} fixed32 ${reader.fixed32()}`);
        break;
      case WireType.Bit64:
        events.push(`${field} fixed64 ${halves(reader.fixed64())}`);
        break;
      default:
        events.push(`${field} bytes ${Buffer.from(reader.bytes()).toString("hex")}`);
    }
  }
  events.push("end true");
  return events;
}

/** Parses `buf` in parts that end at `cuts`. */
function parse(buf: Buffer, cuts: readonly number[]): string[] {
  const log = new EventLog();
  const parser = new PbParser();
  parser.start(buf.length, log);
  let at = 0;
  for (const cut of [...cuts, buf.length]) {
    // Each part is on its own, as if it were in a receive buffer that is used again.
    const part = Buffer.from(buf.subarray(at, cut));
    expect(parser.push(part, 0, part.length)).toBe(part.length);
    part.fill(0xff);
    at = cut;
  }
  return log.events;
}

const encoded = sample.map((message) => Buffer.from(Sample.encode(message).finish()));

describe("any split of a message", () => {
  it("at one place gives the same events", () => {
    fc.assert(
      fc.property(encoded, (buf) => {
        const expected = expectedEvents(buf);
        const step = Math.max(1, buf.length >> 8);
        for (let cut = 0; cut <= buf.length; cut += step) {
          expect(parse(buf, [cut])).toEqual(expected);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("at many places gives the same events", () => {
    fc.assert(
      fc.property(encoded, fc.array(fc.nat(), { maxLength: 20 }), (buf, places) => {
        const cuts = places.map((place) => place % (buf.length + 1)).sort((a, b) => a - b);
        expect(parse(buf, cuts)).toEqual(expectedEvents(buf));
      }),
    );
  });

  it("into single bytes gives the same events", () => {
    fc.assert(
      fc.property(encoded, (buf) => {
        expect(parse(buf, [...buf.keys()])).toEqual(expectedEvents(buf));
      }),
      { numRuns: 30 },
    );
  });
});

describe("a sink", () => {
  it("gets end exactly once, as its last call, whatever arrives and wherever it aborts", () => {
    const noise = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
    const input = fc.oneof(noise, encoded);
    fc.assert(
      fc.property(input, fc.nat({ max: 60 }), fc.nat({ max: 20 }), (buf, cut, abortAfter) => {
        const log = new EventLog();
        const parser = new PbParser();
        log.onEvent = () => {
          if (log.events.length === abortAfter) {
            parser.abort();
          }
        };
        try {
          parser.start(buf.length, log);
          parser.push(buf, parser.push(buf, 0, Math.min(cut, buf.length)), buf.length);
        } catch {
          // Refused input is one of the cases; what counts is that end was called.
        }
        parser.abort();
        expect(log.events.filter((event) => event.startsWith("end"))).toHaveLength(1);
        expect(log.events.at(-1)?.startsWith("end")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
