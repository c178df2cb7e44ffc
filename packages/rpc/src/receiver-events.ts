import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { BadBody } from "./compression/compressed-body.ts";
import type { Status } from "./status.ts";

/** What the reading of frames leaves to the connection. */
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
