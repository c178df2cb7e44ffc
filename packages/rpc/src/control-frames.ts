import { Command, ONE_WAY_BYTE, REQUEST_BYTE, RESPONSE_BYTE } from "./frame.ts";
import { PING_SEQ } from "./pending-calls.ts";
import { Status, statusFromWire } from "./status.ts";
import type { SendBuffer } from "./send-buffer.ts";

/** A one-way that reached no handler at the peer. */
export interface Nack {
  readonly groupId: number;
  readonly status: Status;
  readonly command: number;
}

const NACK_BYTES = 10;

/** The frames that rpc sends on its own account. */
export class ControlFrames {
  readonly #out: SendBuffer;
  readonly #maxSendBufferBytes: number;

  constructor(out: SendBuffer, maxSendBufferBytes: number) {
    this.#out = out;
    this.#maxSendBufferBytes = maxSendBufferBytes;
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.#out.begin(0);
    this.#out.finish(REQUEST_BYTE, Command.ping, PING_SEQ, 0);
  }

  pong(seq: number): void {
    this.#out.begin(0);
    this.#out.finish(RESPONSE_BYTE, Command.ping, seq, Status.ok);
  }

  /** Says that this side takes no new calls. */
  goaway(): void {
    this.#out.begin(0);
    this.#out.finish(ONE_WAY_BYTE, Command.goaway, 0, 0);
  }

  /**
   * Like the one-way it answers, a nack is not worth a queue: it is left out when the send buffer
   * is full.
   */
  nack(groupId: number, status: Status, command: number): void {
    if (this.#out.bufferedBytes < this.#maxSendBufferBytes) {
      const writer = this.#out.begin(0);
      writer.u32(groupId);
      writer.u32(status);
      writer.u16(command);
      this.#out.finish(ONE_WAY_BYTE, Command.nack, 0, 0);
    }
  }
}

/** Null when it is too short; bytes of a later version behind it are ignored. */
export function readNack(body: Buffer, start: number, end: number): Nack | null {
  if (end - start < NACK_BYTES) {
    return null;
  }
  return {
    groupId: body.readUInt32BE(start),
    status: statusFromWire(body.readUInt32BE(start + 4)),
    command: body.readUInt16BE(start + 8),
  };
}
