// Hot path: per frame. Bench: bench/echo.bench.ts. No closures, no promises, no logging.
import { FrameDecoder } from "@dt/codec";
import { readErrorAnswer, remoteError } from "./error-answer.ts";
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
import type { CompressedFrames } from "./compression/compressed-frames.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { Counters } from "./counters.ts";
import type { Outcome } from "./outcome.ts";
import type { OutgoingCalls } from "./outgoing-calls.ts";
import type { ReceiverEvents } from "./receiver-events.ts";
import type { RequestIntake } from "./request-intake.ts";

/** Within one chunk the clock is read again after this many frames. */
const FRAMES_PER_CLOCK_READ = 64;

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
  /** Null when compression is off, as a peer has been told. */
  readonly #compressed: CompressedFrames | null;
  readonly #knownFlags: number;

  constructor(
    maxFrameBytes: number,
    calls: OutgoingCalls,
    intake: RequestIntake,
    counters: Counters,
    outcome: Outcome,
    events: ReceiverEvents,
    compressed: CompressedFrames | null,
  ) {
    this.#decoder = new FrameDecoder({ maxFrameBytes, minFrameBytes: MIN_FRAME_BYTES }, this);
    this.#calls = calls;
    this.#intake = intake;
    this.#counters = counters;
    this.#outcome = outcome;
    this.#events = events;
    this.#compressed = compressed;
    this.#knownFlags = FLAG_GROUP | FLAG_EXTENSION | (compressed === null ? 0 : FLAG_COMPRESSED);
  }

  /** Returns whether the chunk ends a frame. Throws a CodecError when one has an impossible length. */
  push(chunk: Buffer, nowMs: number): boolean {
    this.#nowMs = nowMs;
    this.#clockFrames = 0;
    this.#counters.bytesIn += chunk.length;
    this.#decoder.push(chunk);
    this.#calls.resume();
    return this.#clockFrames > 0;
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
    const answer = readErrorAnswer(buf, flags, start, end);
    const completion = this.#calls.settle(seq);
    if (completion !== null) {
      this.#outcome.fail(completion, remoteError(status, answer));
    }
  }

  /**
   * Skips the optional parts that the flags announce; -1 when the frame has been dealt with, as a
   * violation or as a compressed one.
   */
  #bodyStart(flags: number, buf: Buffer, after: number, end: number): number {
    let bodyStart = after;
    if ((flags & ~this.#knownFlags) !== 0) {
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
    if ((flags & FLAG_COMPRESSED) === 0 || this.#compressed === null) {
      return bodyStart;
    }
    const plain = this.#compressed.expand(buf, after - MIN_FRAME_BYTES, bodyStart, end);
    if (plain !== null) {
      this.#plain(plain);
    }
    return -1;
  }

  /** Deals with a frame that was compressed. */
  #plain(buf: Buffer): void {
    const kindByte = buf[0];
    if (kindByte === REQUEST_BYTE) {
      this.#request(buf, 0, buf.length);
    } else if (kindByte === RESPONSE_BYTE) {
      this.#response(buf, 0, buf.length);
    } else {
      this.#oneWay(buf, 0, buf.length);
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
