import { withoutStack } from "../errors.ts";
import {
  COMMAND_AT,
  Command,
  FLAGS_AT,
  FLAG_GROUP,
  MIN_FRAME_BYTES,
  REQUEST_BYTE,
  RESPONSE_BYTE,
  SEQ_AT,
  WORD_AT,
  readInt32,
  readUint16,
  readUint32,
} from "../frame.ts";
import { expandFrame } from "./compressed-body.ts";
import type { Counters } from "../counters.ts";
import type { OutgoingCalls } from "../outgoing-calls.ts";
import type { ReceiverEvents } from "../receiver-events.ts";
import type { RequestIntake } from "../request-intake.ts";
import type { BadBody } from "./compressed-body.ts";

/** Makes the compressed frames of one connection plain, and refuses those that cannot be read. */
export class CompressedFrames {
  readonly #maxFrameBytes: number;
  readonly #calls: OutgoingCalls;
  readonly #intake: RequestIntake;
  readonly #counters: Counters;
  readonly #events: ReceiverEvents;

  constructor(
    maxFrameBytes: number,
    calls: OutgoingCalls,
    intake: RequestIntake,
    counters: Counters,
    events: ReceiverEvents,
  ) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#calls = calls;
    this.#intake = intake;
    this.#counters = counters;
    this.#events = events;
  }

  /**
   * The frame, without its length field, that the one in buf[start, end) stands for: memory of its own.
   * Null when its body cannot be read; then it has been dealt with.
   */
  expand(buf: Buffer, start: number, bodyStart: number, end: number): Buffer | null {
    this.#counters.compressedFramesIn++;
    const plain = expandFrame(buf, start, bodyStart, end, this.#maxFrameBytes);
    if (Buffer.isBuffer(plain)) {
      return plain;
    }
    this.#counters.badCompressedBodies++;
    this.#refuse(plain, buf, start);
    return null;
  }

  /** What cannot be read harms its own request, call, message or stream only. */
  #refuse(bad: BadBody, buf: Buffer, start: number): void {
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
}
