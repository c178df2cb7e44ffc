// Hot path: per frame. Bench: bench/frame-decoder.bench.ts. No closures, no allocation for a whole
// frame.
import { CodecError } from "./errors.ts";
import { OptionCheck } from "./options.ts";

export interface FrameDecoderOptions {
  /**
   * The largest length that a frame may declare, in bytes, the four of the length itself not
   * counted: 1..2^31-1. No default: it is what one peer may make this side hold.
   */
  readonly maxFrameBytes: number;
  /** The smallest length that a frame may declare, 0..maxFrameBytes. No default. */
  readonly minFrameBytes: number;
}

/** Throws DT_CODEC_OPTIONS naming every problem. */
export function resolveFrameDecoderOptions(
  input: FrameDecoderOptions,
): Readonly<FrameDecoderOptions> {
  const { maxFrameBytes, minFrameBytes } = input;
  const check = new OptionCheck("FrameDecoder", input, ["maxFrameBytes", "minFrameBytes"]);
  check.integerIn("maxFrameBytes", maxFrameBytes, 1, 2 ** 31 - 1);
  check.integerIn("minFrameBytes", minFrameBytes, 0, maxFrameBytes);
  check.finish();
  return Object.freeze({ maxFrameBytes, minFrameBytes });
}

export interface FrameSink {
  /** buf[start, end) is the frame without its length. It may be read until onFrame returns. */
  onFrame(buf: Buffer, start: number, end: number): void;
}

const PREFIX_BYTES = 4;
/**
 * A frame that straddles chunks starts with at most this much memory, then grows with what has
 * arrived.
 */
const FIRST_PART_BYTES = 64 * 1024;
const GROWTH = 4;
const NOTHING: Buffer = Buffer.alloc(0);

const State = { ready: 0, pushing: 1, stopped: 2 } as const;
type State = (typeof State)[keyof typeof State];

/**
 * Cuts a stream of bytes into frames, each a big-endian u32 length and that many bytes.
 *
 * Frames that lie inside one chunk are handed out as views of it; only a frame that straddles
 * chunks is copied. When a frame is refused or the sink throws, push throws that error and the
 * decoder is stopped: the rest of the chunk and all later chunks are dropped until `reset`.
 */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  readonly #minFrameBytes: number;
  readonly #sink: FrameSink;
  #state: State = State.ready;
  /** Counts calls of reset and stop, so that a push notices one made by its own sink. */
  #epoch = 0;
  #prefix = 0;
  #prefixBytes = 0;
  /** The straddling frame: `#partLength` bytes declared, `#partBytes` of them in `#part`. */
  #part: Buffer = NOTHING;
  #partLength = 0;
  #partBytes = 0;

  constructor(options: FrameDecoderOptions, sink: FrameSink) {
    const { maxFrameBytes, minFrameBytes } = resolveFrameDecoderOptions(options);
    this.#maxFrameBytes = maxFrameBytes;
    this.#minFrameBytes = minFrameBytes;
    this.#sink = sink;
  }

  /** Bytes of an unfinished frame that are held in memory of the decoder. */
  get heldBytes(): number {
    return this.#part.length;
  }

  get isStopped(): boolean {
    return this.#state === State.stopped;
  }

  /**
   * The sink may call `stop` and `reset`, but not `push`. The chunk may be reused when push has
   * returned.
   */
  push(chunk: Buffer): void {
    if (this.#state === State.stopped) {
      return;
    }
    if (this.#state === State.pushing) {
      throw new Error("push was called by the sink of the same decoder");
    }
    this.#state = State.pushing;
    const epoch = this.#epoch;
    try {
      this.#decode(chunk, epoch);
    } catch (error) {
      this.#forget(State.stopped);
      throw error;
    }
    if (this.#epoch === epoch) {
      this.#state = State.ready;
    }
  }

  /** Drops the rest of the current chunk, and everything pushed from now on. */
  stop(): void {
    this.#forget(State.stopped);
  }

  /**
   * Drops what is unfinished, and the rest of the current chunk; the next chunk begins with a new
   * frame.
   */
  reset(): void {
    this.#forget(State.ready);
  }

  #decode(chunk: Buffer, epoch: number): void {
    const end = chunk.length;
    let pos = 0;
    if (this.#prefixBytes > 0 || this.#partLength > 0) {
      pos = this.#resume(chunk);
      if (pos < 0 || this.#epoch !== epoch) {
        return;
      }
    }
    while (end - pos >= PREFIX_BYTES) {
      const length =
        ((chunk[pos]! << 24) |
          (chunk[pos + 1]! << 16) |
          (chunk[pos + 2]! << 8) |
          chunk[pos + 3]!) >>>
        0;
      this.#check(length);
      const start = pos + PREFIX_BYTES;
      if (length > end - start) {
        this.#begin(length);
        this.#collect(chunk, start);
        return;
      }
      pos = start + length;
      this.#sink.onFrame(chunk, start, pos);
      if (this.#epoch !== epoch) {
        return;
      }
    }
    while (pos < end) {
      this.#prefix = ((this.#prefix << 8) | chunk[pos++]!) >>> 0;
      this.#prefixBytes++;
    }
  }

  /**
   * Continues an unfinished frame. Returns where the next one starts, or -1 when the chunk is used
   * up.
   */
  #resume(chunk: Buffer): number {
    let pos = 0;
    if (this.#partLength === 0) {
      while (this.#prefixBytes < PREFIX_BYTES) {
        if (pos === chunk.length) {
          return -1;
        }
        this.#prefix = ((this.#prefix << 8) | chunk[pos++]!) >>> 0;
        this.#prefixBytes++;
      }
      const length = this.#prefix;
      this.#check(length);
      this.#prefix = 0;
      this.#prefixBytes = 0;
      if (length <= chunk.length - pos) {
        this.#sink.onFrame(chunk, pos, pos + length);
        return pos + length;
      }
      this.#begin(length);
    }
    pos = this.#collect(chunk, pos);
    if (this.#partBytes < this.#partLength) {
      return -1;
    }
    const frame = this.#part;
    const length = this.#partLength;
    this.#part = NOTHING;
    this.#partLength = 0;
    this.#partBytes = 0;
    this.#sink.onFrame(frame, 0, length);
    return pos;
  }

  #check(length: number): void {
    if (length > this.#maxFrameBytes) {
      const maxFrameBytes = this.#maxFrameBytes;
      throw new CodecError({ code: "DT_CODEC_FRAME_TOO_LARGE", frameBytes: length, maxFrameBytes });
    }
    if (length < this.#minFrameBytes) {
      const minFrameBytes = this.#minFrameBytes;
      throw new CodecError({ code: "DT_CODEC_FRAME_TOO_SMALL", frameBytes: length, minFrameBytes });
    }
  }

  #begin(length: number): void {
    this.#partLength = length;
    this.#partBytes = 0;
    this.#part = Buffer.allocUnsafe(Math.min(length, FIRST_PART_BYTES));
  }

  /** Copies what the chunk has of the frame and returns the position after it. */
  #collect(chunk: Buffer, pos: number): number {
    const count = Math.min(this.#partLength - this.#partBytes, chunk.length - pos);
    const filled = this.#partBytes + count;
    if (filled > this.#part.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#partLength, filled * GROWTH));
      grown.set(this.#part.subarray(0, this.#partBytes));
      this.#part = grown;
    }
    chunk.copy(this.#part, this.#partBytes, pos, pos + count);
    this.#partBytes = filled;
    return pos + count;
  }

  #forget(state: State): void {
    this.#epoch++;
    this.#state = state;
    this.#prefix = 0;
    this.#prefixBytes = 0;
    this.#part = NOTHING;
    this.#partLength = 0;
    this.#partBytes = 0;
  }
}
