import { LENGTH_BYTES, MIN_FRAME_BYTES } from "./frame.ts";
import { Status } from "./status.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { Refusal } from "./peer.ts";

const NOTHING: Buffer = Buffer.alloc(0);
const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;

/** Cuts the beginning of a connection into frames, whatever the chunks are. */
export class FrameCollector {
  /** How many bytes the frames to come may have together. */
  #leftBytes: number;
  /** The bytes so far; the memory doubles, so that single bytes are not copied again and again. */
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;

  constructor(maxBytes: number) {
    this.#leftBytes = maxBytes;
  }

  /** What has come after the last frame. */
  get rest(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  push(chunk: Buffer): void {
    const { length } = this.rest;
    if (length === 0) {
      this.#memory = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (this.#memory.length - this.#end < chunk.length) {
      const grown = Buffer.allocUnsafeSlow(2 * (length + chunk.length));
      grown.set(this.rest);
      this.#memory = grown;
      this.#start = 0;
      this.#end = length;
    }
    this.#memory.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * Returns the next frame without its length once it is complete, null before that, the refusal if
   * it is none. The frame is a view, valid until the next `push`.
   */
  next(): Buffer | Refusal | null {
    const bytes = this.rest;
    if (bytes.length < LENGTH_BYTES) {
      return null;
    }
    const length = bytes.readUInt32BE(0);
    if (length < MIN_FRAME_BYTES || length > this.#leftBytes) {
      const code: ConnectionRefusalCode = "DT_RPC_FIRST_FRAME";
      const message = isTls(bytes) ? "the peer speaks TLS" : `a first frame of ${length} bytes`;
      return { status: Status.invalid, code, message };
    }
    const end = LENGTH_BYTES + length;
    if (bytes.length < end) {
      return null;
    }
    this.#leftBytes -= length;
    this.#start += end;
    return bytes.subarray(LENGTH_BYTES, end);
  }
}

/** One side has TLS, the other has not. */
function isTls(bytes: Buffer): boolean {
  const type = bytes.readUInt8(0);
  return (type === TLS_ALERT || type === TLS_HANDSHAKE) && bytes.readUInt8(1) === 3;
}
