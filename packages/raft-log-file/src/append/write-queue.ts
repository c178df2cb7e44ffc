// Hot path: per write. No promises.
import type { EntryBatch, Write } from "@dt/raft";
import type { Done } from "../file-system.ts";

/** A write that waits, and how much of it is done. */
export interface QueuedWrite {
  readonly write: Write;
  readonly done: Done;
  /** Set when the write is to be refused in its turn. */
  refusal: Error | null;
  needsHardState: boolean;
  needsReset: boolean;
  needsTruncation: boolean;
  /** Batches before this one are stored or under way. */
  batchAt: number;
  /** What is left of the batch at `batchAt` when a part of it is stored or under way. */
  rest: EntryBatch | null;
}

export function queuedWrite(write: Write, done: Done, refusal: Error | null): QueuedWrite {
  return {
    write,
    done,
    refusal,
    needsHardState: write.hardState !== null,
    needsReset: write.reset !== null,
    needsTruncation: write.truncateFrom > 0,
    batchAt: 0,
    rest: null,
  };
}

/** First in, first out, without moving everything on each removal. */
export class WriteQueue {
  #items: QueuedWrite[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The item that many places behind the first. */
  at(position: number): QueuedWrite | undefined {
    return this.#items[this.#head + position];
  }

  push(item: QueuedWrite): void {
    this.#items.push(item);
  }

  /** Moves the first `count` to the end of `into`. */
  takeInto(count: number, into: QueuedWrite[]): void {
    for (let i = 0; i < count; i++) {
      into.push(this.#items[this.#head + i] as QueuedWrite);
    }
    this.#head += count;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Marks everything that waits as refused. */
  refuseAll(refusal: Error): void {
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i] as QueuedWrite;
      item.refusal ??= refusal;
    }
  }
}
