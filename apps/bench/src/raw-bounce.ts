// Hot path: per frame. No closures, no allocation in the steady state.
import type { Socket } from "node:net";

const LENGTH_BYTES = 4;
/** Header of a frame as @dt/rpc has it: the ceiling carries the same bytes. */
export const FRAME_HEADER_BYTES = 16;
const SLAB_BYTES = 64 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Sends every frame that arrives back, all of one turn in one write, and does nothing else: what two processes can
 * carry over one socket when a call costs nothing. Both ends do it; one of them throws the first frames in.
 */
export class RawBounce {
  /** Frames that have arrived. */
  frames = 0;
  isStopped = false;
  readonly #socket: Socket;
  readonly #free: Buffer[] = [];
  readonly #written: Buffer[] = [];
  #rest: Buffer = NOTHING;
  #slab: Buffer = NOTHING;
  #pos = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
  }

  /** `count` frames with a body of `size` bytes. */
  serve(count: number, size: number): void {
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + size, 7);
    frame.writeUInt32BE(frame.length - LENGTH_BYTES);
    for (let i = 0; i < count; i++) {
      this.#append(frame, 0, frame.length);
    }
    this.#flush();
  }

  #onData(chunk: Buffer): void {
    let pos = this.#rest.length === 0 ? 0 : this.#join(chunk);
    const { length } = chunk;
    while (length - pos >= LENGTH_BYTES) {
      const end = pos + LENGTH_BYTES + lengthAt(chunk, pos);
      if (end > length) {
        break;
      }
      this.#onFrame(chunk, pos, end);
      pos = end;
    }
    if (pos < length) {
      this.#rest = Buffer.from(chunk.subarray(pos));
    }
    this.#flush();
  }

  /** Completes the frame that straddles chunks, if it can; returns where the next one starts. */
  #join(chunk: Buffer): number {
    const joined = Buffer.concat([this.#rest, chunk]);
    const end = LENGTH_BYTES + (joined.length < LENGTH_BYTES ? 0 : lengthAt(joined, 0));
    if (end > joined.length) {
      this.#rest = joined;
      return chunk.length;
    }
    const next = end - this.#rest.length;
    this.#rest = NOTHING;
    this.#onFrame(joined, 0, end);
    return next;
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    this.frames++;
    if (!this.isStopped) {
      this.#append(bytes, start, end);
    }
  }

  #append(source: Buffer, start: number, end: number): void {
    if (this.#slab.length - this.#pos < end - start) {
      this.#write();
      const byteCount = Math.max(SLAB_BYTES, end - start);
      const free = byteCount === SLAB_BYTES ? this.#free.pop() : undefined;
      this.#slab = free ?? Buffer.allocUnsafeSlow(byteCount);
    }
    source.copy(this.#slab, this.#pos, start, end);
    this.#pos += end - start;
  }

  /** While a write is on its way the frames collect. */
  #flush(): void {
    if (this.#written.length === 0) {
      this.#write();
    }
  }

  #write(): void {
    if (this.#pos > 0) {
      this.#written.push(this.#slab);
      this.#socket.write(this.#slab.subarray(0, this.#pos), this.#onWritten);
      this.#slab = NOTHING;
      this.#pos = 0;
    }
  }

  readonly #onWritten = (): void => {
    const slab = this.#written.shift();
    if (slab !== undefined && slab.length === SLAB_BYTES) {
      this.#free.push(slab);
    }
    this.#flush();
  };
}

function lengthAt(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}
