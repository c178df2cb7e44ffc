import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameDecoder } from "@dt/codec";

const MAX_FRAME_BYTES = 300_000;

function stream(payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(
    payloads.flatMap((payload) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(payload.length);
      return [length, payload];
    }),
  );
}

/** Decodes chunks that live only during their push, and returns copies of the frames. */
function decode(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const frames: Buffer[] = [];
  const decoder = new FrameDecoder(
    { maxFrameBytes: MAX_FRAME_BYTES, minFrameBytes: 0 },
    { onFrame: (buf, start, end) => frames.push(Buffer.from(buf.subarray(start, end))) },
  );
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const chunk = Buffer.from(bytes.subarray(at, cut));
    decoder.push(chunk);
    chunk.fill(0xff);
    at = cut;
  }
  expect(decoder.heldBytes).toBe(0);
  return frames;
}

const small = fc
  .array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 })
  .map((payloads) => payloads.map((payload) => Buffer.from(payload)));

const large = fc
  .array(fc.tuple(fc.nat({ max: MAX_FRAME_BYTES }), fc.nat({ max: 255 })), { maxLength: 4 })
  .map((sizes) => sizes.map(([size, seed]) => Buffer.alloc(size, `payload ${seed} `)));

describe("frames come out as they went in", () => {
  it("whichever two places a short stream is cut at", () => {
    fc.assert(
      fc.property(small, (payloads) => {
        const bytes = stream(payloads);
        for (let first = 0; first <= bytes.length; first++) {
          for (let second = first; second <= bytes.length; second += 1 + (second & 3)) {
            expect(decode(bytes, [first, second])).toEqual(payloads);
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  it("byte by byte", () => {
    fc.assert(
      fc.property(small, (payloads) => {
        const bytes = stream(payloads);
        expect(decode(bytes, [...bytes.keys()])).toEqual(payloads);
      }),
    );
  });

  it("when they are larger than many chunks", () => {
    fc.assert(
      fc.property(large, fc.array(fc.nat(), { maxLength: 12 }), (payloads, places) => {
        const bytes = stream(payloads);
        const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
        const frames = decode(bytes, cuts);
        expect(frames.length).toBe(payloads.length);
        expect(payloads.every((payload, at) => frames[at]?.equals(payload))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
