import type { RequestExtension } from "./extension.ts";

/** A request that waits until the peer has read some of the replies before it. */
export interface ParkedRequest {
  readonly command: number;
  readonly groupId: number;
  readonly seq: number;
  readonly deadlineMs: number;
  readonly frameBytes: number;
  readonly extension: RequestExtension | null;
  /** A copy. */
  readonly body: Buffer;
  /** Its caller has given up. */
  isCancelled: boolean;
}

/** First in, first out. The receiver's limits bound it. */
export class ParkedRequests {
  #requests: ParkedRequest[] = [];
  #first = 0;
  /** The latest with each number, for cancellations: the peer chooses the numbers. */
  readonly #bySeq = new Map<number, ParkedRequest>();

  get isEmpty(): boolean {
    return this.#first === this.#requests.length;
  }

  push(request: ParkedRequest): void {
    this.#requests.push(request);
    this.#bySeq.set(request.seq, request);
  }

  shift(): ParkedRequest | null {
    const request = this.#requests[this.#first];
    if (request === undefined) {
      return null;
    }
    this.#first++;
    if (this.#bySeq.get(request.seq) === request) {
      this.#bySeq.delete(request.seq);
    }
    if (this.#first * 2 >= this.#requests.length) {
      this.#requests = this.#requests.slice(this.#first);
      this.#first = 0;
    }
    return request;
  }

  /** Its caller gives the request with this number up; false when there is none. It keeps its turn. */
  cancel(seq: number): boolean {
    const request = this.#bySeq.get(seq);
    if (request === undefined) {
      return false;
    }
    request.isCancelled = true;
    return true;
  }
}
