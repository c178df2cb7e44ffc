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
}

/** First in, first out. The receiver's limits bound it. */
export class ParkedRequests {
  #requests: ParkedRequest[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#requests.length;
  }

  push(request: ParkedRequest): void {
    this.#requests.push(request);
  }

  shift(): ParkedRequest | null {
    const request = this.#requests[this.#first];
    if (request === undefined) {
      return null;
    }
    this.#first++;
    if (this.#first * 2 >= this.#requests.length) {
      this.#requests = this.#requests.slice(this.#first);
      this.#first = 0;
    }
    return request;
  }
}
