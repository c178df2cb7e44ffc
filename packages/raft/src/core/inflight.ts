import { invariant } from "./invariant.ts";

/** Below this many answered slots the arrays are not moved together. */
const COMPACT_AFTER = 64;

/** Appends on their way to one follower, oldest first. */
export class Inflight {
  bytes = 0;
  head = 0;
  readonly lastIndexes: number[] = [];
  readonly sizes: number[] = [];

  get count(): number {
    return this.lastIndexes.length - this.head;
  }

  add(lastIndex: number, bytes: number): void {
    this.lastIndexes.push(lastIndex);
    this.sizes.push(bytes);
    this.bytes += bytes;
  }

  /** An ack speaks for every append that ends at or below its index. */
  freeTo(index: number): void {
    while (this.head < this.lastIndexes.length) {
      if ((this.lastIndexes[this.head] as number) > index) {
        break;
      }
      this.bytes -= this.sizes[this.head] as number;
      this.head++;
    }
    if (this.head > 0 && this.head === this.lastIndexes.length) {
      this.clear();
    } else if (this.head >= COMPACT_AFTER) {
      this.lastIndexes.splice(0, this.head);
      this.sizes.splice(0, this.head);
      this.head = 0;
    }
  }

  clear(): void {
    this.bytes = 0;
    this.head = 0;
    this.lastIndexes.length = 0;
    this.sizes.length = 0;
  }

  clone(): Inflight {
    const copy = new Inflight();
    for (let i = this.head; i < this.lastIndexes.length; i++) {
      copy.add(this.lastIndexes[i] as number, this.sizes[i] as number);
    }
    return copy;
  }

  assertInvariants(matchIndex: number, nextIndex: number): void {
    let bytes = 0;
    let previous = matchIndex;
    for (let i = this.head; i < this.lastIndexes.length; i++) {
      const lastIndex = this.lastIndexes[i] as number;
      invariant(lastIndex > previous, "appends on their way ascend above what is matched");
      invariant(lastIndex < nextIndex, "appends on their way end before the next one");
      previous = lastIndex;
      bytes += this.sizes[i] as number;
    }
    invariant(bytes === this.bytes, "bytes on their way are counted");
  }
}
