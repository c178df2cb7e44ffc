// Hot path: per field and per part. Bench: bench/pb-parser.bench.ts.
import assert from "node:assert";
import { CodecError } from "./errors.ts";
import type { PbSink } from "./pb-sink.ts";

const State = { idle: 0, tag: 1, varint: 2, fixed32: 3, fixed64: 4, length: 5, bytes: 6 } as const;
type State = (typeof State)[keyof typeof State];

const UNFINISHED = -1;
const TOO_LONG = -2;

/**
 * Parses a protobuf message that arrives in pieces, without collecting it. Any split of the input
 * gives the same calls, except for the parts of `bytes`. It holds no bytes and allocates nothing,
 * whatever the input declares.
 *
 * Malformed input ends the message with `end(false)` and throws DT_CODEC_MESSAGE. What the sink
 * throws ends it the same way and goes through. The sink may call `abort`. After `end` the parser
 * is idle and may start again.
 */
export class PbParser {
  #sink: PbSink | null = null;
  #state: State = State.idle;
  /** Changes when a message ends, so that a push notices that its own sink has ended it. */
  #epoch = 0;
  /**
   * Bytes of the message that there are, and that have been parsed by the pushes before this one.
   */
  #length = 0;
  #parsed = 0;
  #field = 0;
  /** The number being read, and how many of its bits (varint) or bytes (fixed) are there. */
  #high = 0;
  #low = 0;
  #filled = 0;
  /** The length-delimited field being read: its length, and the bytes handed out. */
  #fieldBytes = 0;
  #fieldOffset = 0;

  get isIdle(): boolean {
    return this.#state === State.idle;
  }

  /** Begins a message of `byteCount` bytes. An empty one also ends at once. */
  start(byteCount: number, sink: PbSink): void {
    assert(this.#sink === null, "the message before has not ended");
    assert(Number.isSafeInteger(byteCount) && byteCount >= 0, "not a length");
    this.#sink = sink;
    this.#length = byteCount;
    this.#parsed = 0;
    this.#next();
    const epoch = this.#epoch;
    try {
      sink.begin(byteCount);
    } catch (error) {
      this.#end(epoch, false);
      throw error;
    }
    if (byteCount === 0) {
      this.#end(epoch, true);
    }
  }

  /**
   * Parses buf[start, end) up to the end of the message and returns the position after what it has
   * used. When idle it uses nothing.
   */
  push(buf: Buffer, start: number, end: number): number {
    const sink = this.#sink;
    if (sink === null) {
      return start;
    }
    const epoch = this.#epoch;
    const messageEnd = start + this.#length - this.#parsed;
    let pos: number;
    try {
      pos = this.#parse(buf, start, Math.min(end, messageEnd), messageEnd, sink);
      if (pos === messageEnd && epoch === this.#epoch && !this.#isBetweenFields) {
        throw malformed("truncated field", this.#length);
      }
    } catch (error) {
      this.#end(epoch, false);
      throw error;
    }
    if (epoch === this.#epoch) {
      this.#parsed += pos - start;
      if (pos === messageEnd) {
        this.#end(epoch, true);
      }
    }
    return pos;
  }

  /** Gives the message up: its sink gets `end(false)`. Does nothing when idle. */
  abort(): void {
    this.#end(this.#epoch, false);
  }

  get #isBetweenFields(): boolean {
    return this.#state === State.tag && this.#filled === 0;
  }

  #parse(buf: Buffer, start: number, last: number, messageEnd: number, sink: PbSink): number {
    const epoch = this.#epoch;
    let pos = start;
    while (pos < last && epoch === this.#epoch) {
      if (this.#state === State.bytes) {
        pos = this.#part(buf, pos, last, sink);
        continue;
      }
      const isFixed = this.#state === State.fixed32 || this.#state === State.fixed64;
      const after = isFixed ? this.#fixed(buf, pos, last) : this.#varint(buf, pos, last);
      if (after === TOO_LONG) {
        throw malformed("varint of more than ten bytes", this.#offsetOf(pos, messageEnd));
      }
      if (after === UNFINISHED) {
        return last;
      }
      pos = after;
      this.#number(buf, pos, messageEnd, sink);
    }
    return pos;
  }

  /** A number is complete: the one that begins a field, or the value of a field. */
  #number(buf: Buffer, pos: number, messageEnd: number, sink: PbSink): void {
    const field = this.#field;
    const high = this.#high >>> 0;
    const low = this.#low >>> 0;
    const state = this.#state;
    this.#next();
    switch (state) {
      case State.tag:
        this.#beginField(high, low, this.#offsetOf(pos, messageEnd));
        return;
      case State.varint:
        sink.varNumber(field, high, low);
        return;
      case State.fixed32:
        sink.fixed32(field, low);
        return;
      case State.fixed64:
        sink.fixed64(field, high, low);
        return;
      case State.length:
        if (high !== 0 || low > messageEnd - pos) {
          throw malformed("field longer than the message", this.#offsetOf(pos, messageEnd));
        }
        if (low === 0) {
          sink.bytes(field, 0, 0, buf, pos, pos);
          return;
        }
        this.#state = State.bytes;
        this.#fieldBytes = low;
        this.#fieldOffset = 0;
        return;
      case State.idle:
      case State.bytes:
        assert.fail("no number is read in this state");
    }
  }

  #beginField(high: number, tag: number, offset: number): void {
    this.#state = valueState(tag & 7);
    this.#field = tag >>> 3;
    if (high !== 0 || this.#field === 0 || this.#state === State.idle) {
      throw malformed(`tag ${tag}`, offset);
    }
  }

  #part(buf: Buffer, pos: number, last: number, sink: PbSink): number {
    const fieldBytes = this.#fieldBytes;
    const offset = this.#fieldOffset;
    const after = Math.min(last, pos + fieldBytes - offset);
    this.#fieldOffset = offset + after - pos;
    if (this.#fieldOffset === fieldBytes) {
      this.#next();
    }
    sink.bytes(this.#field, fieldBytes, offset, buf, pos, after);
    return after;
  }

  /**
   * Returns the position after the varint, or UNFINISHED when it goes on behind `last`, or
   * TOO_LONG.
   */
  #varint(buf: Buffer, start: number, last: number): number {
    let shift = this.#filled;
    for (let pos = start; pos < last; pos++, shift += 7) {
      const byte = buf[pos]!;
      if (shift < 28) {
        this.#low |= (byte & 127) << shift;
      } else if (shift > 28) {
        this.#high |= (byte & 127) << (shift - 32);
      } else {
        this.#low |= byte << 28;
        this.#high = (byte & 127) >>> 4;
      }
      if (byte < 128) {
        return pos + 1;
      }
      if (shift === 63) {
        return TOO_LONG;
      }
    }
    this.#filled = shift;
    return UNFINISHED;
  }

  /** The same for a little-endian number of 4 or 8 bytes. */
  #fixed(buf: Buffer, start: number, last: number): number {
    const byteCount = this.#state === State.fixed32 ? 4 : 8;
    for (let pos = start; pos < last; pos++) {
      const at = this.#filled++;
      if (at < 4) {
        this.#low |= buf[pos]! << (8 * at);
      } else {
        this.#high |= buf[pos]! << (8 * (at - 4));
      }
      if (at + 1 === byteCount) {
        return pos + 1;
      }
    }
    return UNFINISHED;
  }

  #next(): void {
    this.#state = State.tag;
    this.#high = 0;
    this.#low = 0;
    this.#filled = 0;
  }

  #end(epoch: number, isComplete: boolean): void {
    const sink = this.#sink;
    if (sink !== null && epoch === this.#epoch) {
      this.#epoch++;
      this.#sink = null;
      this.#state = State.idle;
      sink.end(isComplete);
    }
  }

  #offsetOf(pos: number, messageEnd: number): number {
    return this.#length - (messageEnd - pos);
  }
}

/**
 * How the value of a field is read; idle for the wire types of groups and for those that do not
 * exist.
 */
function valueState(wireType: number): State {
  switch (wireType) {
    case 0:
      return State.varint;
    case 1:
      return State.fixed64;
    case 2:
      return State.length;
    case 5:
      return State.fixed32;
    default:
      return State.idle;
  }
}

function malformed(reason: string, offset: number): CodecError {
  return new CodecError({ code: "DT_CODEC_MESSAGE", reason, offset });
}
