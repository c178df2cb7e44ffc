import type { NodeId } from "./message.ts";

/**
 * Acknowledgements to the leader of the present term that wait for writes. At most one per pending
 * write: an ack speaks for everything below its index, so two that wait for the same write are one.
 */
export class GatedAcks {
  to: NodeId = 0;
  readonly sequences: number[] = [];
  readonly indexes: number[] = [];
  readonly sentAtMs: number[] = [];
  readonly readTokens: number[] = [];

  hold(to: NodeId, sequence: number, index: number, sentAtMs: number, readToken: number): void {
    this.to = to;
    for (let i = this.sequences.length - 1; i >= 0; i--) {
      if (this.sequences[i] === sequence) {
        this.indexes[i] = Math.max(this.indexes[i] as number, index);
        this.sentAtMs[i] = Math.max(this.sentAtMs[i] as number, sentAtMs);
        this.readTokens[i] = Math.max(this.readTokens[i] as number, readToken);
        return;
      }
    }
    this.sequences.push(sequence);
    this.indexes.push(index);
    this.sentAtMs.push(sentAtMs);
    this.readTokens.push(readToken);
  }

  /** Takes out what waited for writes up to `sequence`, as one ack; null when nothing did. */
  release(sequence: number): ReleasedAck | null {
    let released: ReleasedAck | null = null;
    let kept = 0;
    for (let i = 0; i < this.sequences.length; i++) {
      const index = this.indexes[i] as number;
      const sentAtMs = this.sentAtMs[i] as number;
      const readToken = this.readTokens[i] as number;
      if ((this.sequences[i] as number) > sequence) {
        this.sequences[kept] = this.sequences[i] as number;
        this.indexes[kept] = index;
        this.sentAtMs[kept] = sentAtMs;
        this.readTokens[kept] = readToken;
        kept++;
      } else if (released === null) {
        released = { index, sentAtMs, readToken };
      } else {
        released.index = Math.max(released.index, index);
        released.sentAtMs = Math.max(released.sentAtMs, sentAtMs);
        released.readToken = Math.max(released.readToken, readToken);
      }
    }
    this.#shorten(kept);
    return released;
  }

  clear(): void {
    this.to = 0;
    this.#shorten(0);
  }

  clone(): GatedAcks {
    const copy = new GatedAcks();
    copy.to = this.to;
    copy.sequences.push(...this.sequences);
    copy.indexes.push(...this.indexes);
    copy.sentAtMs.push(...this.sentAtMs);
    copy.readTokens.push(...this.readTokens);
    return copy;
  }

  #shorten(length: number): void {
    this.sequences.length = length;
    this.indexes.length = length;
    this.sentAtMs.length = length;
    this.readTokens.length = length;
  }
}

export interface ReleasedAck {
  index: number;
  sentAtMs: number;
  readToken: number;
}
