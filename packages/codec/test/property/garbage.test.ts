import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ByteReader,
  CodecError,
  FrameDecoder,
  PbParser,
  type PbSink,
  decodeMessage,
} from "@dt/codec";
import { codeOf } from "../code-of.ts";
import { sample } from "../sample-arbitrary.ts";
import { Sample } from "../src/gen/sample.ts";

const MIB = 1024 * 1024;

const ignore: PbSink = {
  begin: () => undefined,
  varNumber: () => undefined,
  fixed32: () => undefined,
  fixed64: () => undefined,
  bytes: () => undefined,
  end: () => undefined,
};

/** Throws what is not a CodecError. */
function decodes(buf: Buffer): boolean {
  return codeOf(() => decodeMessage(Sample, buf, 0, buf.length)) === null;
}

function parses(buf: Buffer): boolean {
  const parser = new PbParser();
  return (
    codeOf(() => {
      parser.start(buf.length, ignore);
      parser.push(buf, 0, buf.length);
    }) === null
  );
}

/** Bytes by which `action` makes the process larger, garbage included. */
function allocatedBy(action: () => void): number {
  const before = process.memoryUsage();
  action();
  const after = process.memoryUsage();
  return after.arrayBuffers - before.arrayBuffers + after.heapUsed - before.heapUsed;
}

const noise = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array));

describe("garbage", () => {
  it("is decoded as a message or refused with DT_CODEC_MESSAGE", () => {
    fc.assert(
      fc.property(noise, (buf) => {
        const code = codeOf(() => decodeMessage(Sample, buf, 0, buf.length));
        expect([null, "DT_CODEC_MESSAGE"]).toContain(code);
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused when a valid message is cut inside a field", () => {
    fc.assert(
      fc.property(sample, (message) => {
        const whole = Buffer.from(Sample.encode(message).finish());
        for (let end = 0; end < whole.length; end += 1 + (end >> 4)) {
          const cut = whole.subarray(0, end);
          if (!parses(cut)) {
            expect(decodes(cut)).toBe(false);
          }
        }
      }),
    );
  });

  it("is decoded or refused when bits of a valid message are flipped", () => {
    fc.assert(
      fc.property(sample, fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), (message, flips) => {
        const buf = Buffer.from(Sample.encode(message).finish());
        for (const flip of flips) {
          if (buf.length > 0) {
            const at = flip % buf.length;
            buf[at] = (buf[at] ?? 0) ^ (1 << (flip & 7));
          }
        }
        const code = codeOf(() => decodeMessage(Sample, buf, 0, buf.length));
        expect([null, "DT_CODEC_MESSAGE"]).toContain(code);
        parses(buf);
      }),
      { numRuns: 500 },
    );
  });

  it("is read by ByteReader as fields or refused with a code", () => {
    const reads: ((reader: ByteReader) => unknown)[] = [
      (reader) => reader.u8(),
      (reader) => reader.u16(),
      (reader) => reader.u32(),
      (reader) => reader.u64(),
      (reader) => reader.varint(),
      (reader) => reader.zigzag(),
      (reader) => reader.view(reader.varint()),
      (reader) => reader.utf8(reader.varint()),
      (reader) => reader.skip(reader.u32()),
    ];
    const script = fc.array(fc.nat({ max: reads.length - 1 }), { maxLength: 30 });
    fc.assert(
      fc.property(noise, script, (buf, steps) => {
        const reader = new ByteReader().attach(buf, 0, buf.length);
        for (const step of steps) {
          codeOf(() => reads[step]?.(reader));
          expect(reader.pos).toBeLessThanOrEqual(reader.end);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("makes a frame decoder stop with a code or hold no more than its limit", () => {
    fc.assert(
      fc.property(fc.array(noise), (chunks) => {
        const decoder = new FrameDecoder(
          { maxFrameBytes: 5000, minFrameBytes: 1 },
          { onFrame: (_, start, end) => expect(end - start).toBeLessThanOrEqual(5000) },
        );
        for (const chunk of chunks) {
          codeOf(() => decoder.push(chunk));
          expect(decoder.heldBytes).toBeLessThanOrEqual(5000);
        }
      }),
    );
  });
});

describe("a declared length of 2 GiB", () => {
  // Wire type 2 with the length 2^31-1, for every length-delimited and packed field of Sample.
  const fields = [
    14, 15, 21, 22, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 50, 51, 52, 53, 61, 62, 99,
  ];
  const declarations = fields.flatMap((field) =>
    ["ffffffff07", "ffffffff0f"].map((length) => {
      const tag = field < 16 ? [(field << 3) | 2] : [((field << 3) & 127) | 130, field >> 4];
      return Buffer.concat([Buffer.from(tag), Buffer.from(length, "hex"), Buffer.alloc(1000)]);
    }),
  );

  it("is refused in every field of a message without allocating", () => {
    const allocated = allocatedBy(() => {
      for (const buf of declarations) {
        expect(decodes(buf)).toBe(false);
        expect(parses(buf)).toBe(false);
      }
    });
    expect(allocated).toBeLessThan(64 * MIB);
  });

  it("is refused by ByteReader without allocating", () => {
    const buf = Buffer.from("ffffffff07" + "00".repeat(100), "hex");
    const allocated = allocatedBy(() => {
      for (const read of [
        (reader: ByteReader) => reader.view(reader.varint()),
        (reader: ByteReader) => reader.utf8(reader.varint()),
      ]) {
        const reader = new ByteReader().attach(buf, 0, buf.length);
        expect(() => read(reader)).toThrow(CodecError);
      }
    });
    expect(allocated).toBeLessThan(64 * MIB);
  });

  it("makes a frame decoder with such a limit allocate only for what arrives", () => {
    const prefix = Buffer.from("7fffffff", "hex");
    const allocated = allocatedBy(() => {
      for (let count = 0; count < 100; count++) {
        const decoder = new FrameDecoder(
          { maxFrameBytes: 2 ** 31 - 1, minFrameBytes: 0 },
          { onFrame: () => expect.unreachable() },
        );
        decoder.push(prefix);
        decoder.push(prefix);
      }
    });
    expect(allocated).toBeLessThan(64 * MIB);
  });
});

describe("a deeply nested message", () => {
  it("is refused at a hundred levels, not by a stack overflow", () => {
    // Field 41 is a Sample again: each level wraps the one inside it.
    let inner: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 3000; depth++) {
      inner = Sample.encode(Sample.fromPartial({})).uint32(330).bytes(inner).finish();
    }
    const buf = Buffer.from(inner);
    expect(() => decodeMessage(Sample, buf, 0, buf.length)).toThrow("recursion limit");
    expect(decodes(buf)).toBe(false);
  });
});
