/**
 * What has been written, to be compared with what is found: per key the last acknowledged write and the last one
 * that may have been executed. Writes to one key come one after the other, with ascending numbers.
 */
export class WriteLedger {
  readonly #acknowledged: Float64Array;
  readonly #attempted: Float64Array;
  #acknowledgedCount = 0;

  constructor(keyCount: number) {
    this.#acknowledged = new Float64Array(keyCount);
    this.#attempted = new Float64Array(keyCount);
  }

  get keyCount(): number {
    return this.#acknowledged.length;
  }

  /** Writes that were acknowledged. */
  get acknowledgedCount(): number {
    return this.#acknowledgedCount;
  }

  /** A write begins. `number` is above every earlier one of the key. */
  attempt(key: number, number: number): void {
    this.#attempted[key] = number;
  }

  acknowledge(key: number, number: number): void {
    this.#acknowledged[key] = number;
    this.#acknowledgedCount++;
  }

  /** Whether `key` has to be there. */
  isAcknowledged(key: number): boolean {
    return (this.#acknowledged[key] ?? 0) > 0;
  }

  /** Compares a key with what was found, 0 for nothing; null when it may be so, else what is wrong. */
  judge(key: number, found: number): string | null {
    const acknowledged = this.#acknowledged[key] ?? 0;
    const attempted = Math.max(this.#attempted[key] ?? 0, acknowledged);
    if (found < acknowledged) {
      return `write ${acknowledged} was acknowledged, found ${found === 0 ? "nothing" : found}`;
    }
    if (found > attempted) {
      return `write ${found} was found, the last one attempted was ${attempted}`;
    }
    return null;
  }
}
