// Hot path: per message of a stream. Bench: bench/stream.bench.ts. No closures, no promises.
import { utf8Length } from "@dt/codec";
import { Command, ONE_WAY_BYTE } from "../frame.ts";
import { Status, statusFromWire } from "../status.ts";
import type { SendBuffer } from "../send-buffer.ts";

/**
 * Who sends a frame of a stream; the word of its header. With the seq, which is that of the request
 * that has opened the stream, it names the stream.
 */
export const StreamSide = { opener: 0, acceptor: 1 } as const;
export type StreamSide = (typeof StreamSide)[keyof typeof StreamSide];

const CREDIT_BYTES = 8;
const STATUS_BYTES = 4;
const CODE_AT = 6;

/** What a credit frame grants. */
export interface Credit {
  readonly messages: number;
  readonly bytes: number;
}

/** Why a side gives a stream up. */
export interface Cancellation {
  readonly status: Status;
  /** Null when the caller of the stream has simply given up. */
  readonly code: string | null;
  readonly message: string;
}

/**
 * Writes the frames of streams other than data. All are one-ways of rpc itself:
 *
 *   8 data     body: one message
 *   9 credit   body: u32 messages, u32 bytes, added to what the receiver of the frame may send
 *   10 end     no body; from the opener: it sends no more messages
 *   11 cancel  body: u32 status, u16 length and UTF-8 of a code, UTF-8 of a message; or nothing
 */
export class StreamFrames {
  readonly #out: SendBuffer;
  readonly #maxSendBufferBytes: number;

  constructor(out: SendBuffer, maxSendBufferBytes: number) {
    this.#out = out;
    this.#maxSendBufferBytes = maxSendBufferBytes;
  }

  credit(seq: number, side: StreamSide, messages: number, bytes: number): void {
    const writer = this.#out.begin(0);
    writer.u32(messages);
    writer.u32(bytes);
    this.#out.finish(ONE_WAY_BYTE, Command.streamCredit, seq, side);
  }

  end(seq: number): void {
    this.#out.begin(0);
    this.#out.finish(ONE_WAY_BYTE, Command.streamEnd, seq, StreamSide.opener);
  }

  /** The opener gives up. */
  cancel(seq: number): void {
    this.#out.begin(0);
    this.#out.finish(ONE_WAY_BYTE, Command.streamCancel, seq, StreamSide.opener);
  }

  /**
   * Refuses a frame. Like a nack it is not worth a queue: it is left out when the send buffer is
   * full.
   */
  refuse(seq: number, side: StreamSide, status: Status, code: string, message: string): void {
    if (this.#out.bufferedBytes < this.#maxSendBufferBytes) {
      const writer = this.#out.begin(0);
      writer.u32(status);
      writer.u16(utf8Length(code));
      writer.utf8(code);
      writer.utf8(message);
      this.#out.finish(ONE_WAY_BYTE, Command.streamCancel, seq, side);
    }
  }
}

/** Null when it is too short; bytes of a later version behind it are ignored. */
export function readCredit(body: Buffer, start: number, end: number): Credit | null {
  return end - start < CREDIT_BYTES
    ? null
    : { messages: body.readUInt32BE(start), bytes: body.readUInt32BE(start + 4) };
}

/** A body that cannot be read says no more than that the stream is given up. */
export function readCancellation(body: Buffer, start: number, end: number): Cancellation {
  if (end - start >= CODE_AT) {
    const codeEnd = start + CODE_AT + body.readUInt16BE(start + STATUS_BYTES);
    if (codeEnd <= end) {
      return {
        status: statusFromWire(body.readUInt32BE(start)),
        code: body.toString("utf8", start + CODE_AT, codeEnd),
        message: body.toString("utf8", codeEnd, end),
      };
    }
  }
  return { status: Status.ok, code: null, message: "" };
}
