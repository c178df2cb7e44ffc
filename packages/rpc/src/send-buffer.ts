// Hot path: per frame. Bench: bench/echo.bench.ts. No closures, no promises, no logging.
import { ByteWriter } from "@dt/codec";
import { skipExtension } from "./extension.ts";
import {
  FLAG_COMPRESSED,
  FLAG_EXTENSION,
  FLAG_GROUP,
  GROUP_BYTES,
  HEADER_BYTES,
  RESPONSE_BYTE,
  writeHeader,
} from "./frame.ts";
import { acquireSlab, releaseSlab } from "./slab-classes.ts";
import { Status } from "./status.ts";
import type { Compressor } from "./compression/compressed-body.ts";
import type { Counters } from "./counters.ts";

/** A slab with less room than this is sent before the next frame starts in a fresh one. */
const MIN_ROOM_BYTES = 1024;
/** Within one turn the clock is read again after this many frames. */
const FRAMES_PER_CLOCK_READ = 64;
const NO_FRAME = -1;
const NOTHING: Buffer = Buffer.alloc(0);

/** Calls back at the end of the turn. */
export type AtTurnEnd = (callback: () => void) => void;

export function afterCallback(callback: () => void): void {
  process.nextTick(callback);
}

/** What a send buffer needs of a socket. */
export interface WriteTarget {
  /**
   * The bytes are left alone until `onWritten` is called, which happens in the order of the writes.
   */
  write(bytes: Uint8Array, onWritten: (error?: Error | null) => void): boolean;
}

/**
 * The outgoing bytes of one connection. Frames are encoded one after the other into a pooled slab,
 * and all that were made in one turn of the event loop leave in one write. While the socket cannot
 * take more, frames keep collecting here; how many is limited by those who ask `bufferedBytes`
 * first.
 */
export class SendBuffer {
  /** Write the body with it between `begin` and `finish`. */
  readonly writer: ByteWriter = new ByteWriter(0);
  readonly #socket: WriteTarget;
  readonly #counters: Counters;
  readonly #onDrained: () => void;
  readonly #atTurnEnd: AtTurnEnd;
  /** Null when bodies go as they are. */
  readonly compressor: Compressor | null;
  /**
   * The slab that the writer started with. A frame that outgrew it has left it for a larger buffer.
   */
  #slab: Buffer = NOTHING;
  /** Room that the next frame probably takes: the size of the largest lately. */
  #roomBytes = MIN_ROOM_BYTES;
  #largestFrameBytes = MIN_ROOM_BYTES;
  #frameStart = NO_FRAME;
  #flags = 0;
  #groupId = 0;
  /** Something was asked of it in this turn of the event loop. */
  #isTurnOpen = false;
  #isClosed = false;
  #turnMs = 0;
  /** The callback that the clock was read in is over, the turn is not. */
  #isClockOld = false;
  #clockFrames = 0;
  /**
   * Slabs whose write has not been confirmed, oldest first; `NOTHING` for a buffer that is not
   * pooled.
   */
  #slabsInSocket: Buffer[] = [];
  #slabBytesInSocket: number[] = [];
  #bytesInSocket = 0;
  #writesDone = 0;

  /**
   * `onDrained` is called when everything that was handed to the socket has left it. `atTurnEnd` says when
   * a turn is over that something was made in: by default after the callback that runs.
   */
  constructor(
    socket: WriteTarget,
    counters: Counters,
    onDrained: () => void,
    compressor: Compressor | null = null,
    atTurnEnd: AtTurnEnd = afterCallback,
  ) {
    this.#atTurnEnd = atTurnEnd;
    this.compressor = compressor;
    this.#socket = socket;
    this.#counters = counters;
    this.#onDrained = onDrained;
  }

  /** Bytes that wait here or in the socket. */
  get bufferedBytes(): number {
    return this.#bytesInSocket + this.writer.pos;
  }

  get isWaiting(): boolean {
    return this.#bytesInSocket > 0;
  }

  /** The size of the largest frame so far, 1 KiB at least. */
  get largestFrameBytes(): number {
    return this.#largestFrameBytes;
  }

  /** Writes that have left the socket. */
  get writesDone(): number {
    return this.#writesDone;
  }

  /** performance.now(), read once per turn and callback, and again after every 64 frames. */
  nowMs(): number {
    if (!this.#isTurnOpen) {
      this.#openTurn();
    } else if (this.#isClockOld || this.#clockFrames >= FRAMES_PER_CLOCK_READ) {
      this.#readClock();
    }
    return this.#turnMs;
  }

  /**
   * Starts a frame. Its body is written next, then `finish` or `abandon` follows in the same call
   * stack.
   */
  begin(groupId: number): ByteWriter {
    if (this.#frameStart !== NO_FRAME) {
      throw new Error("an encode function must not use the connection it encodes for");
    }
    if (!this.#isTurnOpen) {
      this.#openTurn();
    }
    const writer = this.writer;
    if (writer.buf.length - writer.pos < this.#roomBytes) {
      this.#nextSlab();
    }
    this.#frameStart = writer.pos;
    this.#groupId = groupId;
    if (groupId === 0) {
      this.#flags = 0;
      writer.pos += HEADER_BYTES;
    } else {
      this.#flags = FLAG_GROUP;
      writer.pos += HEADER_BYTES + GROUP_BYTES;
    }
    return writer;
  }

  /** Marks a part of the header as present; its bytes have been written by the caller. */
  addFlag(flag: number): void {
    this.#flags |= flag;
  }

  /** Bytes of the frame so far, the length field included. */
  get frameBytes(): number {
    return this.writer.pos - this.#frameStart;
  }

  abandon(): void {
    this.writer.pos = this.#frameStart;
    this.#frameStart = NO_FRAME;
  }

  /**
   * Completes the frame and returns its size in bytes, the length field included, as it was before
   * compression.
   */
  finish(kindByte: number, command: number, seq: number, word: number): number {
    const frameBytes = this.writer.pos - this.#frameStart;
    if (this.compressor !== null && frameBytes > this.compressor.thresholdBytes) {
      this.#compress(this.compressor, kindByte, word);
    }
    const { buf, pos } = this.writer;
    const start = this.#frameStart;
    writeHeader(buf, start, pos, kindByte, this.#flags, command, seq, word, this.#groupId);
    this.#frameStart = NO_FRAME;
    this.#counters.framesOut++;
    this.#clockFrames++;
    if (frameBytes > this.#roomBytes) {
      this.#roomBytes = frameBytes;
      this.#largestFrameBytes = Math.max(this.#largestFrameBytes, frameBytes);
    }
    return frameBytes;
  }

  /** Compresses the body of the frame, unless it is that of an error answer. */
  #compress(compressor: Compressor, kindByte: number, word: number): void {
    if (kindByte === RESPONSE_BYTE && word !== Status.ok) {
      return;
    }
    const { writer } = this;
    let bodyStart = this.#frameStart + HEADER_BYTES;
    if ((this.#flags & FLAG_GROUP) !== 0) {
      bodyStart += GROUP_BYTES;
    }
    if ((this.#flags & FLAG_EXTENSION) !== 0) {
      bodyStart = skipExtension(writer.buf, bodyStart, writer.pos);
    }
    const end = compressor.shrink(writer.buf, bodyStart, writer.pos);
    if (end < writer.pos) {
      writer.pos = end;
      this.#flags |= FLAG_COMPRESSED;
      this.#counters.compressedFramesOut++;
    }
  }

  /** Hands everything to the socket now. */
  flush(): void {
    const writer = this.writer;
    if (writer.pos === 0 || this.#isClosed) {
      return;
    }
    // A buffer that a frame has outgrown its slab for may have the length of a slab, and is none.
    const isPooled = writer.buf === this.#slab;
    if (!isPooled) {
      releaseSlab(this.#slab);
    }
    this.#slabsInSocket.push(isPooled ? this.#slab : NOTHING);
    this.#write(writer.buf, writer.pos);
    writer.buf = NOTHING;
    writer.pos = 0;
    this.#slab = NOTHING;
    this.#roomBytes = Math.max(MIN_ROOM_BYTES, this.#roomBytes - (this.#roomBytes >>> 3));
  }

  /** Forgets everything. Slabs that the socket may still hold are left to the garbage collector. */
  close(): void {
    this.#isClosed = true;
    this.writer.buf = NOTHING;
    this.writer.pos = 0;
    this.#slab = NOTHING;
    this.#slabsInSocket = [];
    this.#slabBytesInSocket = [];
    this.#bytesInSocket = 0;
  }

  /** The first use in a turn reads the clock and sees to it that the end of the turn flushes. */
  #openTurn(): void {
    this.#isTurnOpen = true;
    this.#readClock();
    this.#atTurnEnd(this.#onTurnEnd);
  }

  #readClock(): void {
    this.#turnMs = performance.now();
    this.#clockFrames = 0;
    this.#isClockOld = false;
    if (this.#atTurnEnd !== afterCallback) {
      // A turn of many callbacks may take long: a call would begin with a time that is over.
      process.nextTick(this.#onCallbackEnd);
    }
  }

  readonly #onCallbackEnd = (): void => {
    this.#isClockOld = true;
  };

  readonly #onTurnEnd = (): void => {
    this.#isTurnOpen = false;
    // While a write is on its way the frames collect; its confirmation flushes them.
    if (this.#bytesInSocket === 0) {
      this.flush();
    }
  };

  readonly #onWritten = (error?: Error | null): void => {
    if (this.#isClosed || (error !== null && error !== undefined)) {
      return;
    }
    const slab = this.#slabsInSocket.shift();
    const byteCount = this.#slabBytesInSocket.shift();
    if (slab === undefined || byteCount === undefined) {
      throw new Error("the socket confirmed a write that was never made");
    }
    this.#bytesInSocket -= byteCount;
    this.#writesDone++;
    releaseSlab(slab);
    if (this.#bytesInSocket === 0) {
      if (!this.#isTurnOpen) {
        this.flush();
      }
      this.#onDrained();
    }
  };

  #nextSlab(): void {
    this.flush();
    this.#slab = acquireSlab(this.#roomBytes);
    this.writer.buf = this.#slab;
    this.writer.pos = 0;
  }

  #write(bytes: Buffer, byteCount: number): void {
    this.#slabBytesInSocket.push(byteCount);
    this.#bytesInSocket += byteCount;
    this.#counters.writes++;
    this.#counters.bytesOut += byteCount;
    this.#socket.write(
      byteCount === bytes.length ? bytes : bytes.subarray(0, byteCount),
      this.#onWritten,
    );
  }
}
