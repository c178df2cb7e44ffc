import { crc32 } from "@dt/codec";
import type { SnapshotSource } from "../state-machine.ts";

/**
 * What a snapshot consists of, on disk and on the wire. All integers big-endian.
 *
 * ```
 *  0  4  magic "DTSN"      4  2  version, 1      6  2  0
 *  8  .. blocks: 1 kind · 4 length · bytes        kind 1 sessions, 2 state machine, 0 the end (length 0)
 *  .. 4  crc-32 of everything before it
 * ```
 */
const MAGIC = 0x4454_534e;
const VERSION = 1;
const HEADER_BYTES = 8;
const BLOCK_HEADER_BYTES = 5;
export const DIGEST_BYTES = 4;

export const BlockKind = { end: 0, sessions: 1, stateMachine: 2 } as const;

/** The bytes of a snapshot: sessions first, then the state machine's. */
export class EnvelopeSource {
  readonly #sessions: Buffer;
  readonly #source: SnapshotSource;
  #crc = 0;
  #step: "header" | "sessions" | "state" | "done" = "header";

  constructor(sessions: Buffer, source: SnapshotSource) {
    this.#sessions = sessions;
    this.#source = source;
  }

  /** The next bytes; null at the end. Valid as long as those of the state machine's source. */
  next(maxBytes: number): Buffer[] | null {
    switch (this.#step) {
      case "header": {
        const header = Buffer.alloc(HEADER_BYTES);
        header.writeUInt32BE(MAGIC, 0);
        header.writeUInt16BE(VERSION, 4);
        this.#step = "sessions";
        return this.#counted(header);
      }
      case "sessions":
        this.#step = "state";
        return this.#counted(blockHeader(BlockKind.sessions, this.#sessions), this.#sessions);
      case "state": {
        const bytes = this.#source.next(maxBytes);
        if (bytes !== null) {
          return this.#counted(blockHeader(BlockKind.stateMachine, bytes), bytes);
        }
        this.#step = "done";
        const [end] = this.#counted(blockHeader(BlockKind.end, EMPTY));
        const digest = Buffer.alloc(DIGEST_BYTES);
        digest.writeUInt32BE(this.#crc, 0);
        return [end as Buffer, digest];
      }
      case "done":
        return null;
    }
  }

  close(): void {
    this.#source.close();
  }

  #counted(...parts: Buffer[]): Buffer[] {
    for (const part of parts) {
      this.#crc = crc32(part, 0, part.length, this.#crc);
    }
    return parts;
  }
}

/** Checks the whole as its bytes come in, without looking at what they mean. */
export class EnvelopeDigest {
  #crc = 0;
  /** The last bytes, which may be the digest. */
  #tail: Buffer = EMPTY;

  add(bytes: Buffer): void {
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes]);
    const end = Math.max(0, all.length - DIGEST_BYTES);
    this.#crc = crc32(all, 0, end, this.#crc);
    this.#tail = Buffer.from(all.subarray(end));
  }

  get isRight(): boolean {
    return this.#tail.length === DIGEST_BYTES && this.#tail.readUInt32BE(0) === this.#crc;
  }
}

/** Why a snapshot's bytes were refused. */
export class EnvelopeFault extends Error {
  override readonly name = "EnvelopeFault" as const;
}

/** Takes a snapshot's bytes apart again. `sessions` is there before the first chunk of the state machine. */
export class EnvelopeReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = EMPTY;
  #crc = 0;
  sessions: Buffer = EMPTY;
  #isFinished = false;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Reads up to the state machine's first block. Rejects with an `EnvelopeFault`. */
  async begin(): Promise<void> {
    const header = await this.#take(HEADER_BYTES);
    if (header.readUInt32BE(0) !== MAGIC || header.readUInt16BE(4) !== VERSION) {
      throw new EnvelopeFault("not a snapshot of this version");
    }
    const { kind, length } = await this.#blockHeader();
    if (kind !== BlockKind.sessions) {
      throw new EnvelopeFault(`a block of kind ${kind} where the sessions should be`);
    }
    this.sessions = await this.#take(length);
  }

  /** The state machine's bytes. Throws an `EnvelopeFault` at the end unless the whole is right. */
  async *stateChunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const { kind, length } = await this.#blockHeader();
      if (kind === BlockKind.end) {
        await this.#finish();
        return;
      }
      if (kind !== BlockKind.stateMachine) {
        throw new EnvelopeFault(`a block of unknown kind ${kind}`);
      }
      yield await this.#take(length);
    }
  }

  /** Everything was read and is right. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  async #finish(): Promise<void> {
    const crc = this.#crc;
    const digest = await this.#take(DIGEST_BYTES);
    if (digest.readUInt32BE(0) !== crc || this.#rest.length > 0) {
      throw new EnvelopeFault("the digest of the whole is wrong");
    }
    this.#isFinished = true;
  }

  async #blockHeader(): Promise<{ readonly kind: number; readonly length: number }> {
    const header = await this.#take(BLOCK_HEADER_BYTES);
    return { kind: header.readUInt8(0), length: header.readUInt32BE(1) };
  }

  async #take(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let left = bytes;
    while (left > this.#rest.length) {
      parts.push(this.#rest);
      left -= this.#rest.length;
      const next = await this.#chunks.next();
      if (next.done === true) {
        throw new EnvelopeFault("the snapshot ends too early");
      }
      this.#rest = next.value;
    }
    parts.push(this.#rest.subarray(0, left));
    this.#rest = this.#rest.subarray(left);
    const taken = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    this.#crc = crc32(taken, 0, taken.length, this.#crc);
    return taken;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

function blockHeader(kind: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK_HEADER_BYTES);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(bytes.length, 1);
  return header;
}
