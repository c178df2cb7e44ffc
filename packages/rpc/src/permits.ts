// Hot path: per call. No allocation.

/**
 * How much one side may have under way at the other: requests without an answer, and the bytes of
 * them.
 */
export class Permits {
  readonly maxRequests: number;
  readonly maxBytes: number;
  requests = 0;
  bytes = 0;

  constructor(maxRequests: number, maxBytes: number) {
    this.maxRequests = maxRequests;
    this.maxBytes = maxBytes;
  }

  /**
   * A request is let through while there is any room, so one may exceed the bytes by its own size.
   */
  get hasRoom(): boolean {
    return this.requests < this.maxRequests && this.bytes < this.maxBytes;
  }

  take(byteCount: number): void {
    this.requests++;
    this.bytes += byteCount;
  }

  giveBack(byteCount: number): void {
    this.requests--;
    this.bytes -= byteCount;
  }
}
