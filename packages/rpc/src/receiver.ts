// Hot path: per frame. Bench: bench/echo.bench.ts. No closures, no promises, no logging.
import { FrameDecoder } from "@dt/codec";
import { expandFrame } from "./compression/compressed-body.ts";
import { withoutStack } from "./errors.ts";
import { readErrorAnswer } from "./error-answer.ts";
import { readRequestExtension, skipExtension } from "./extension.ts";
import {
  COMMAND_AT,
  Command,
  FIRST_USER_COMMAND,
  FLAGS_AT,
  FLAG_COMPRESSED,
  FLAG_EXTENSION,
  FLAG_GROUP,
  GROUP_BYTES,
  HEADER_VERSION,
  LENGTH_BYTES,
  MIN_FRAME_BYTES,
  ONE_WAY_BYTE,
  REQUEST_BYTE,
  RESPONSE_BYTE,
  SEQ_AT,
  WORD_AT,
  readInt32,
  readUint16,
  readUint32,
} from "./frame.ts";
import { Status, statusFromWire } from "./status.ts";
import type { FrameSink } from "@dt/codec";
import type { RequestExtension } from "./extension.ts";
import type { BadBody } from "./compression/compressed-body.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { Counters } from "./counters.ts";
import type { Outcome } from "./outcome.ts";
import type { OutgoingCalls } from "./outgoing-calls.ts";
import type { RequestIntake } from "./request-intake.ts";

const KNOWN_FLAGS = FLAG_GROUP | FLAG_EXTENSION | FLAG_COMPRESSED;
/** Within one chunk the clock is read again after this many frames. */
const FRAMES_PER_CLOCK_READ = 64;

/**
 * Of a frame that takes many chunks, so many bytes together are as good a sign of life as a whole
 * frame. Single bytes are none: a peer that sends one now and then would hold its place for ever.
 */
const BYTES_OF_LIFE = 4096;

/** What the receiver leaves to the connection. */
export interface ReceiverEvents {
  /** A one-way of rpc itself. */
  onControl(command: number, body: Buffer, start: number, end: number): void;
  /** A frame of a stream. Returns false when it cannot be one. */
  onStreamFrame(
    command: number,
    seq: number,
    word: number,
    body: Buffer,
    start: number,
    end: number,
  ): boolean;
  /** A message of a stream that cannot be decompressed. */
  onBadMessage(seq: number, word: number, reason: BadBody): void;
  /** What follows in this connection cannot be trusted any more. */
  onViolation(code: ConnectionRefusalCode, status: Status, fact: string): void;
  /** The peer has refused the connection as a whole: a response without a request. */
  onRefusal(status: Status, code: string | null, message: string): void;
}

/** Cuts the incoming bytes into frames and hands each to the calls or to the intake. */
export class Receiver implements FrameSink {
  readonly #decoder: FrameDecoder;
  readonly #calls: OutgoingCalls;
  readonly #intake: RequestIntake;
  readonly #counters: Counters;
  readonly #outcome: Outcome;
  readonly #events: ReceiverEvents;
  #nowMs = 0;
  /** Frames since the clock was read; more than 0 once a chunk had one. */
  #clockFrames = 0;
  /** Compression is on: a peer has been told. */
  readonly #takesCompressed: boolean;
  readonly #maxFrameBytes: number;
  /** Bytes since the last sign of life. */
  #trickleBytes = 0;

  constructor(
    maxFrameBytes: number,
    calls: OutgoingCalls,
    intake: RequestIntake,
    counters: Counters,
    outcome: Outcome,
    events: ReceiverEvents,
    takesCompressed: boolean,
  ) {
    this.#takesCompressed = takesCompressed;
    this.#maxFrameBytes = maxFrameBytes;
    this.#decoder = new FrameDecoder({ maxFrameBytes, minFrameBytes: MIN_FRAME_BYTES }, this);
    this.#calls = calls;
    this.#intake = intake;
    this.#counters = counters;
    this.#outcome = outcome;
    this.#events = events;
  }

  /**
   * Returns whether the chunk is a sign of life: it ends a frame, or enough of one has come. Throws a
   * CodecError when a frame has an impossible length.
   */
  push(chunk: Buffer, nowMs: number): boolean {
    this.#nowMs = nowMs;
    this.#clockFrames = 0;
    this.#counters.bytesIn += chunk.length;
    this.#decoder.push(chunk);
    this.#calls.resume();
    if (this.#clockFrames === 0) {
      this.#trickleBytes += chunk.length;
      if (this.#trickleBytes < BYTES_OF_LIFE) {
        return false;
      }
    }
    this.#trickleBytes = 0;
    return true;
  }

  /** Drops the rest of the chunk and everything after it. */
  stop(): void {
    this.#decoder.stop();
  }

  onFrame(buf: Buffer, start: number, end: number): void {
    this.#counters.framesIn++;
    if (++this.#clockFrames > FRAMES_PER_CLOCK_READ) {
      this.#nowMs = performance.now();
      this.#clockFrames = 1;
    }
    const kindByte = buf[start];
    if (kindByte === REQUEST_BYTE) {
      this.#request(buf, start, end);
    } else if (kindByte === RESPONSE_BYTE) {
      this.#response(buf, start, end);
    } else if (kindByte === ONE_WAY_BYTE) {
      this.#oneWay(buf, start, end);
    } else {
      this.#unknownKind(kindByte ?? 0);
    }
  }

  #request(buf: Buffer, start: number, end: number): void {
    const flags = buf[start + FLAGS_AT] as number;
    const command = readUint16(buf, start + COMMAND_AT);
    const seq = readInt32(buf, start + SEQ_AT);
    const micros = readUint32(buf, start + WORD_AT);
    if (seq === 0) {
      this.#violation("DT_RPC_MALFORMED_FRAME", Status.invalid, "a request with seq 0");
      return;
    }
    let bodyStart = start + MIN_FRAME_BYTES;
    let groupId = 0;
    let extension: RequestExtension | null = null;
    if (flags !== 0) {
      let extensionAt = bodyStart;
      bodyStart = this.#bodyStart(flags, buf, bodyStart, end);
      if (bodyStart < 0) {
        return;
      }
      if ((flags & FLAG_GROUP) !== 0) {
        groupId = readUint32(buf, extensionAt);
        extensionAt += GROUP_BYTES;
      }
      if ((flags & FLAG_EXTENSION) !== 0) {
        extension = readRequestExtension(buf, extensionAt, bodyStart);
      }
    }
    const nowMs = this.#nowMs;
    const deadlineMs = micros === 0 ? 0 : nowMs + micros / 1000;
    const frameBytes = end - start + LENGTH_BYTES;
    this.#intake.request(
      command,
      groupId,
      seq,
      deadlineMs,
      nowMs,
      frameBytes,
      extension,
      buf,
      bodyStart,
      end,
    );
  }

  #oneWay(buf: Buffer, start: number, end: number): void {
    const flags = buf[start + FLAGS_AT] as number;
    const command = readUint16(buf, start + COMMAND_AT);
    let bodyStart = start + MIN_FRAME_BYTES;
    let groupId = 0;
    if (flags !== 0) {
      bodyStart = this.#bodyStart(flags, buf, bodyStart, end);
      if (bodyStart < 0) {
        return;
      }
      if ((flags & FLAG_GROUP) !== 0) {
        groupId = readUint32(buf, start + MIN_FRAME_BYTES);
      }
    }
    if (command < FIRST_USER_COMMAND) {
      this.#control(command, buf, start, bodyStart, end);
      return;
    }
    const frameBytes = end - start + LENGTH_BYTES;
    this.#intake.oneWay(command, groupId, this.#nowMs, frameBytes, buf, bodyStart, end);
  }

  #control(command: number, buf: Buffer, start: number, bodyStart: number, end: number): void {
    if (command < Command.streamData || command > Command.streamCancel) {
      this.#events.onControl(command, buf, bodyStart, end);
      return;
    }
    const seq = readInt32(buf, start + SEQ_AT);
    const word = readUint32(buf, start + WORD_AT);
    if (!this.#events.onStreamFrame(command, seq, word, buf, bodyStart, end)) {
      const fact = `a frame of stream ${seq} from side ${word}`;
      this.#violation("DT_RPC_MALFORMED_FRAME", Status.invalid, fact);
    }
  }

  #response(buf: Buffer, start: number, end: number): void {
    const flags = buf[start + FLAGS_AT] as number;
    const seq = readInt32(buf, start + SEQ_AT);
    const status = readUint32(buf, start + WORD_AT);
    let bodyStart = start + MIN_FRAME_BYTES;
    if (flags !== 0) {
      bodyStart = this.#bodyStart(flags, buf, bodyStart, end);
      if (bodyStart < 0) {
        return;
      }
    }
    if (seq === 0) {
      const { code, message } = readErrorAnswer(buf, flags, start, end);
      this.#events.onRefusal(statusFromWire(status), code, message);
      return;
    }
    if (status === Status.ok) {
      const completion = this.#calls.settle(seq);
      if (completion !== null) {
        this.#outcome.reply(completion, buf, bodyStart, end);
      }
      return;
    }
    // Read before the call ends: an answer that cannot be read ends the connection, and the call
    // with it.
    const { code, message, detail } = readErrorAnswer(buf, flags, start, end);
    const completion = this.#calls.settle(seq);
    if (completion === null) {
      return;
    }
    const error = withoutStack({
      code: "DT_RPC_REMOTE",
      status: statusFromWire(status),
      remoteCode: code,
      remoteMessage: message,
      detail,
    });
    this.#outcome.fail(completion, error);
  }

  /**
   * Skips the optional parts that the flags announce; -1 when the frame has been dealt with, as a
   * violation or as a compressed one.
   */
  #bodyStart(flags: number, buf: Buffer, after: number, end: number): number {
    let bodyStart = after;
    if (
      (flags & ~KNOWN_FLAGS) !== 0 ||
      ((flags & FLAG_COMPRESSED) !== 0 && !this.#takesCompressed)
    ) {
      this.#violation("DT_RPC_UNKNOWN_FLAG", Status.notSupported, `flags ${flags}`);
      return -1;
    }
    if ((flags & FLAG_GROUP) !== 0) {
      bodyStart += GROUP_BYTES;
    }
    if ((flags & FLAG_EXTENSION) !== 0 && bodyStart <= end) {
      bodyStart = skipExtension(buf, bodyStart, end);
    }
    if (bodyStart < 0 || bodyStart > end) {
      this.#violation("DT_RPC_MALFORMED_FRAME", Status.invalid, "a frame ends within its header");
      return -1;
    }
    if ((flags & FLAG_COMPRESSED) !== 0) {
      this.#compressed(buf, after - MIN_FRAME_BYTES, bodyStart, end);
      return -1;
    }
    return bodyStart;
  }

  /** Deals with the frame that this one stands for. */
  #compressed(buf: Buffer, start: number, bodyStart: number, end: number): void {
    this.#counters.compressedFramesIn++;
    const kindByte = buf[start];
    const plain = expandFrame(buf, start, bodyStart, end, this.#maxFrameBytes);
    if (!Buffer.isBuffer(plain)) {
      this.#counters.badCompressedBodies++;
      this.#badBody(plain, buf, start);
    } else if (kindByte === REQUEST_BYTE) {
      this.#request(plain, 0, plain.length);
    } else if (kindByte === RESPONSE_BYTE) {
      this.#response(plain, 0, plain.length);
    } else {
      this.#oneWay(plain, 0, plain.length);
    }
  }

  /** What cannot be read harms its own request, call, message or stream only. */
  #badBody(bad: BadBody, buf: Buffer, start: number): void {
    const kindByte = buf[start];
    const command = readUint16(buf, start + COMMAND_AT);
    const seq = readInt32(buf, start + SEQ_AT);
    if (kindByte === REQUEST_BYTE) {
      this.#intake.refuse(command, seq, bad);
    } else if (kindByte === RESPONSE_BYTE) {
      const cause = new Error(`${bad.code}: ${bad.message}`, { cause: bad.cause });
      this.#calls.fail(seq, withoutStack({ code: "DT_RPC_BAD_REPLY" }, { cause }));
    } else if (command === Command.streamData) {
      this.#events.onBadMessage(seq, readUint32(buf, start + WORD_AT), bad);
    } else {
      const hasGroup = ((buf[start + FLAGS_AT] as number) & FLAG_GROUP) !== 0;
      const groupId = hasGroup ? readUint32(buf, start + MIN_FRAME_BYTES) : 0;
      this.#intake.nack(groupId, bad.status, command);
    }
  }

  #unknownKind(kindByte: number): void {
    const version = kindByte >>> 4;
    if (version === HEADER_VERSION) {
      this.#violation("DT_RPC_MALFORMED_FRAME", Status.invalid, `frame kind ${kindByte & 15}`);
    } else {
      this.#violation("DT_RPC_HEADER_VERSION", Status.notSupported, `header version ${version}`);
    }
  }

  #violation(code: ConnectionRefusalCode, status: Status, fact: string): void {
    this.#counters.malformedFrames++;
    this.#events.onViolation(code, status, fact);
  }
}
