// Hot path: per flush. Bench: bench/append.bench.ts.
import type { EntryBatch } from "@dt/raft";
import { writeAll, writevAll } from "../file-io.ts";
import type { Done, StoredFile } from "../file-system.ts";
import { FRAME_BYTES, writeFrame } from "../format/flush-frame.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";

/** Up to this size records are copied behind their frame into one buffer; above, the system gathers them. */
const COPY_LIMIT_BYTES = 64 << 10;

/** Puts together the bytes of one flush: the segment's header when it is new, the frame, the records. */
export class FlushBuffer {
  #kept: Buffer = Buffer.allocUnsafeSlow(SEGMENT_HEADER_BYTES + FRAME_BYTES);
  #parts: EntryBatch[] = [];
  #recordBytes = 0;
  #headBytes = 0;
  #writtenBytes = 0;

  /** Runs of entries, one behind the other. */
  get parts(): readonly EntryBatch[] {
    return this.#parts;
  }

  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** What the last `write` wrote, unchanged until the next; null when it was gathered from several places. */
  get written(): Buffer | null {
    return this.#writtenBytes === 0 ? null : this.#kept.subarray(0, this.#writtenBytes);
  }

  add(part: EntryBatch): void {
    this.#parts.push(part);
    this.#recordBytes += part.bytes.length;
  }

  clear(): void {
    this.#parts = [];
    this.#recordBytes = 0;
  }

  /** Where the header of a new segment is to be put, before `write`. */
  get header(): Buffer {
    return this.#kept;
  }

  /** Starts the write. With `withHeader`, what stands in `header` comes first. */
  write(
    file: StoredFile,
    position: number,
    withHeader: boolean,
    seed: number,
    flush: number,
    done: Done,
  ): void {
    this.#headBytes = withHeader ? SEGMENT_HEADER_BYTES : 0;
    const first = this.#parts[0];
    if (first !== undefined) {
      const { firstIndex, prevChain } = first;
      const bytes = this.#recordBytes;
      writeFrame(this.#kept, this.#headBytes, seed, flush, firstIndex, prevChain, bytes);
      this.#headBytes += FRAME_BYTES;
    }
    const total = this.#headBytes + this.#recordBytes;
    if (total <= COPY_LIMIT_BYTES) {
      this.#copyParts(total);
      this.#writtenBytes = total;
      writeAll(file, this.#kept, 0, total, position, done);
    } else {
      this.#writtenBytes = 0;
      const buffers = [this.#kept.subarray(0, this.#headBytes)];
      for (const part of this.#parts) {
        buffers.push(part.bytes);
      }
      writevAll(file, buffers, position, done);
    }
  }

  /** Puts frame and records into `into`, which they fill, instead of writing them. */
  copyTo(into: Buffer, seed: number, flush: number): void {
    const { firstIndex, prevChain } = this.#parts[0] as EntryBatch;
    writeFrame(into, 0, seed, flush, firstIndex, prevChain, this.#recordBytes);
    this.#copyRecords(into, FRAME_BYTES);
  }

  #copyParts(total: number): void {
    if (this.#kept.length < total) {
      const larger = Buffer.allocUnsafeSlow(Math.min(COPY_LIMIT_BYTES, total * 2));
      this.#kept.copy(larger, 0, 0, this.#headBytes);
      this.#kept = larger;
    }
    this.#copyRecords(this.#kept, this.#headBytes);
  }

  #copyRecords(into: Buffer, start: number): void {
    let at = start;
    for (const part of this.#parts) {
      into.set(part.bytes, at);
      at += part.bytes.length;
    }
  }
}
