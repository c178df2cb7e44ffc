import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { CodecError } from "./errors.ts";
import { FrameDecoder, type FrameDecoderOptions, type FrameSink } from "./frame-decoder.ts";

const MIB = 1024 * 1024;

class Frames implements FrameSink {
  readonly texts: string[] = [];
  readonly bufs: Buffer[] = [];
  readonly lengths: number[] = [];
  action: () => void = () => undefined;

  onFrame(buf: Buffer, start: number, end: number): void {
    this.texts.push(buf.toString("latin1", start, end));
    this.bufs.push(buf);
    this.lengths.push(end - start);
    this.action();
  }
}

function frame(text: string): Buffer {
  const buf = Buffer.alloc(4 + text.length);
  buf.writeUInt32BE(text.length);
  buf.write(text, 4, "latin1");
  return buf;
}

function declared(length: number): Buffer {
  const buf = Buffer.alloc(4);
  buf.writeUInt32BE(length);
  return buf;
}

function setUp(maxFrameBytes = 1000, minFrameBytes = 0) {
  const frames = new Frames();
  const decoder = new FrameDecoder({ maxFrameBytes, minFrameBytes }, frames);
  return { frames, decoder };
}

describe("FrameDecoder", () => {
  it("hands out frames inside a chunk as views of it and holds nothing", () => {
    const { frames, decoder } = setUp();
    const chunk = Buffer.concat([frame("one"), frame(""), frame("three")]);
    decoder.push(chunk);
    expect(frames.texts).toEqual(["one", "", "three"]);
    expect(frames.bufs.every((buf) => buf === chunk)).toBe(true);
    expect(decoder.heldBytes).toBe(0);
  });

  it("copies only the frame that straddles, into a buffer of its exact size", () => {
    const { frames, decoder } = setUp();
    const stream = Buffer.concat([frame("first"), frame("straddles"), frame("last")]);
    const left = stream.subarray(0, 15);
    const right = stream.subarray(15);
    decoder.push(left);
    expect(frames.texts).toEqual(["first"]);
    expect(decoder.heldBytes).toBe(9);
    decoder.push(right);
    expect(frames.texts).toEqual(["first", "straddles", "last"]);
    expect([frames.bufs[0] === left, frames.bufs[2] === right]).toEqual([true, true]);
    expect(frames.bufs[1]?.length).toBe(9);
    expect(decoder.heldBytes).toBe(0);
  });

  it("does not copy a frame when only its length straddles", () => {
    const { frames, decoder } = setUp();
    const stream = frame("whole");
    const right = stream.subarray(2);
    decoder.push(stream.subarray(0, 2));
    decoder.push(right);
    expect(frames.texts).toEqual(["whole"]);
    expect(frames.bufs[0]).toBe(right);
  });

  it("lets the chunk be reused after push", () => {
    const { frames, decoder } = setUp();
    const stream = Buffer.concat([frame("reused"), frame("buffer")]);
    const chunk = Buffer.alloc(3);
    for (let at = 0; at < stream.length; at += 3) {
      chunk.fill(0xff);
      const count = stream.copy(chunk, 0, at, at + 3);
      decoder.push(chunk.subarray(0, count));
    }
    expect(frames.texts).toEqual(["reused", "buffer"]);
  });

  it("refuses a length over the limit before it holds anything, wherever the chunks end", () => {
    for (const length of [1001, 2 ** 31, 2 ** 32 - 1]) {
      const whole = setUp();
      expect(codeOf(() => whole.decoder.push(declared(length)))).toBe("DT_CODEC_FRAME_TOO_LARGE");
      const split = setUp();
      split.decoder.push(declared(length).subarray(0, 3));
      const rest = declared(length).subarray(3);
      expect(codeOf(() => split.decoder.push(rest))).toBe("DT_CODEC_FRAME_TOO_LARGE");
      expect([whole.decoder.heldBytes, split.decoder.heldBytes]).toEqual([0, 0]);
    }
    const { frames, decoder } = setUp();
    decoder.push(frame("x".repeat(1000)));
    expect(frames.lengths).toEqual([1000]);
  });

  it("refuses a length under the minimum", () => {
    const { frames, decoder } = setUp(1000, 5);
    decoder.push(frame("12345"));
    expect(codeOf(() => decoder.push(frame("1234")))).toBe("DT_CODEC_FRAME_TOO_SMALL");
    expect(frames.texts).toEqual(["12345"]);
  });

  it("holds memory for what has arrived, not for what was declared", () => {
    const { frames, decoder } = setUp(512 * MIB);
    const length = 300 * MIB;
    decoder.push(declared(length));
    expect(decoder.heldBytes).toBeLessThanOrEqual(64 * 1024);
    const chunk = Buffer.alloc(100 * 1000);
    for (let sent = 0; sent < 2 * MIB; sent += chunk.length) {
      decoder.push(chunk);
      expect(decoder.heldBytes).toBeLessThanOrEqual(4 * (sent + chunk.length));
    }
    expect(frames.lengths).toEqual([]);
  });

  it("delivers a large frame in a buffer of its exact size", () => {
    const { frames, decoder } = setUp(4 * MIB);
    const text = "0123456789abcdef".repeat(200_000);
    const stream = frame(text);
    for (let at = 0; at < stream.length; at += 65_536) {
      decoder.push(stream.subarray(at, at + 65_536));
    }
    expect(frames.texts[0] === text).toBe(true);
    expect(frames.bufs[0]?.length).toBe(text.length);
  });

  it("drops everything after an error until it is reset", () => {
    const { frames, decoder } = setUp();
    expect(codeOf(() => decoder.push(declared(9999)))).toBe("DT_CODEC_FRAME_TOO_LARGE");
    expect(decoder.isStopped).toBe(true);
    decoder.push(frame("dropped"));
    decoder.reset();
    expect(decoder.isStopped).toBe(false);
    decoder.push(frame("after reset"));
    expect(frames.texts).toEqual(["after reset"]);
  });

  it("passes on what the sink throws, in the chunk and across chunks, and is stopped then", () => {
    for (const cut of [0, 2, 6]) {
      const { frames, decoder } = setUp();
      const stream = Buffer.concat([frame("bad"), frame("unseen")]);
      frames.action = () => {
        throw new Error("from the sink");
      };
      expect(() => {
        decoder.push(stream.subarray(0, cut));
        decoder.push(stream.subarray(cut));
      }).toThrow("from the sink");
      expect(decoder.isStopped).toBe(true);
      decoder.push(frame("dropped"));
      expect(frames.texts).toEqual(["bad"]);
      expect(decoder.heldBytes).toBe(0);
    }
  });

  it("lets the sink stop it", () => {
    for (const cut of [0, 2, 6]) {
      const { frames, decoder } = setUp();
      const stream = Buffer.concat([frame("last"), frame("unseen")]);
      frames.action = () => decoder.stop();
      decoder.push(stream.subarray(0, cut));
      decoder.push(stream.subarray(cut));
      decoder.push(frame("unseen"));
      expect(frames.texts).toEqual(["last"]);
      expect(decoder.isStopped).toBe(true);
    }
  });

  it("lets the sink reset it: the chunk is dropped, the next one begins a frame", () => {
    for (const cut of [0, 2, 6]) {
      const { frames, decoder } = setUp();
      const stream = Buffer.concat([frame("last"), frame("dropped").subarray(0, 7)]);
      frames.action = () => decoder.reset();
      decoder.push(stream.subarray(0, cut));
      decoder.push(stream.subarray(cut));
      decoder.push(frame("first"));
      expect(frames.texts).toEqual(["last", "first"]);
      expect(decoder.isStopped).toBe(false);
    }
  });

  it("refuses a push by its own sink", () => {
    const { frames, decoder } = setUp();
    frames.action = () => decoder.push(frame("nested"));
    expect(() => decoder.push(frame("outer"))).toThrow("by the sink");
    expect(frames.texts).toEqual(["outer"]);
  });

  it("refuses options that make no sense, all at once", () => {
    const sink = new Frames();
    const refused = (options: object): string[] => {
      try {
        return [`accepted ${new FrameDecoder(options as FrameDecoderOptions, sink).heldBytes}`];
      } catch (error) {
        const fault = error instanceof CodecError ? error.fault : null;
        return fault?.code === "DT_CODEC_OPTIONS" ? [...fault.problems] : ["another error"];
      }
    };
    expect(refused({ maxFrameBytes: 0, minFrameBytes: 0 })).toHaveLength(1);
    expect(refused({ maxFrameBytes: 2 ** 31, minFrameBytes: 0 })[0]).toContain("maxFrameBytes");
    expect(refused({ maxFrameBytes: 10, minFrameBytes: 11 })[0]).toContain("minFrameBytes");
    expect(refused({ maxFrameBytes: 1.5, minFrameBytes: -1, maxFrame: 1 })).toHaveLength(3);
  });
});
