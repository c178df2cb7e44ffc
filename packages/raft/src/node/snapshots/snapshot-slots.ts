/** How many snapshots a host sends and receives at the same time, over all its groups. */
export class SnapshotSlots {
  readonly #maxReceives: number;
  #freeSends: number;
  #receives = 0;
  readonly #waiting: (() => void)[] = [];
  /** Most sends and receives that were under way at once. */
  maxSendsSeen = 0;
  readonly #maxSends: number;

  constructor(maxSends: number = 2, maxReceives: number = 2) {
    this.#maxSends = maxSends;
    this.#freeSends = maxSends;
    this.#maxReceives = maxReceives;
  }

  /** Calls `begin` when there is room for one more send: at once, or in the order of the calls. */
  requestSend(begin: () => void): void {
    this.#waiting.push(begin);
    this.#grant();
  }

  /** Gives up a request that waits; false when it was granted already. */
  cancelSend(begin: () => void): boolean {
    const at = this.#waiting.indexOf(begin);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
    }
    return at >= 0;
  }

  releaseSend(): void {
    this.#freeSends++;
    this.#grant();
  }

  /** False when as many are received as may be. */
  takeReceive(): boolean {
    if (this.#receives >= this.#maxReceives) {
      return false;
    }
    this.#receives++;
    return true;
  }

  releaseReceive(): void {
    this.#receives--;
  }

  #grant(): void {
    while (this.#freeSends > 0) {
      const begin = this.#waiting.shift();
      if (begin === undefined) {
        return;
      }
      this.#freeSends--;
      this.maxSendsSeen = Math.max(this.maxSendsSeen, this.#maxSends - this.#freeSends);
      begin();
    }
  }
}
