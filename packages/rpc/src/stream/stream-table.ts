import { StreamSide } from "./stream-frames.ts";
import type { RpcError } from "../errors.ts";
import type { AcceptedStream } from "./accepted-stream.ts";
import type { OpenedStream } from "./opened-stream.ts";

/** Hears that the caller of a request has given up, or that the connection has ended. */
export interface CancelTarget {
  onCancel(error: RpcError): void;
}

/**
 * The streams of one connection, and the requests whose cancellation is listened for, by the seq of
 * the request. Maps, because the peer chooses the numbers; they are asked per frame of a stream, never
 * per plain call.
 */
export class StreamTable {
  readonly opened: Map<number, OpenedStream> = new Map();
  readonly accepted: Map<number, AcceptedStream> = new Map();
  readonly cancellable: Map<number, CancelTarget> = new Map();

  get count(): number {
    return this.opened.size + this.accepted.size + this.cancellable.size;
  }

  /** The stream of which `sender` is the peer's side. */
  find(seq: number, sender: number): OpenedStream | AcceptedStream | null {
    const holders = sender === StreamSide.opener ? this.accepted : this.opened;
    return holders.get(seq) ?? null;
  }
}
