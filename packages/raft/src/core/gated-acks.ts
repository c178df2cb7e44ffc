// Hot path: per message and per write. No closures, no promises.
import type { NodeId } from "./message.ts";

/** What an ack says, and the write that it waits for. */
export interface GatedAck {
  readonly sequence: number;
  index: number;
  sentAtMs: number;
  readToken: number;
}

/**
 * Acknowledgements to the leader of the present term that wait for writes. At most one per pending
 * write: an ack speaks for everything below its index, so two that wait for the same write are one.
 */
export class GatedAcks {
  to: NodeId = 0;
  readonly held: GatedAck[] = [];

  hold(to: NodeId, sequence: number, index: number, sentAtMs: number, readToken: number): void {
    this.to = to;
    for (let i = this.held.length - 1; i >= 0; i--) {
      const ack = this.held[i] as GatedAck;
      if (ack.sequence === sequence) {
        merge(ack, index, sentAtMs, readToken);
        return;
      }
    }
    this.held.push({ sequence, index, sentAtMs, readToken });
  }

  /** Takes out what waited for writes up to `sequence`, as one ack; null when nothing did. */
  release(sequence: number): GatedAck | null {
    let released: GatedAck | null = null;
    let kept = 0;
    for (let i = 0; i < this.held.length; i++) {
      const ack = this.held[i] as GatedAck;
      if (ack.sequence > sequence) {
        this.held[kept] = ack;
        kept++;
      } else if (released === null) {
        released = ack;
      } else {
        merge(released, ack.index, ack.sentAtMs, ack.readToken);
      }
    }
    if (released !== null) {
      this.held.length = kept;
    }
    return released;
  }

  clear(): void {
    this.to = 0;
    this.held.length = 0;
  }

  clone(): GatedAcks {
    const copy = new GatedAcks();
    copy.to = this.to;
    for (const { sequence, index, sentAtMs, readToken } of this.held) {
      copy.held.push({ sequence, index, sentAtMs, readToken });
    }
    return copy;
  }
}

function merge(ack: GatedAck, index: number, sentAtMs: number, readToken: number): void {
  ack.index = Math.max(ack.index, index);
  ack.sentAtMs = Math.max(ack.sentAtMs, sentAtMs);
  ack.readToken = Math.max(ack.readToken, readToken);
}
