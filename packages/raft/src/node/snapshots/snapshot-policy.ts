export interface SnapshotPolicyOptions {
  readonly snapshotEveryMs: number;
  readonly snapshotEveryBytes: number;
  readonly snapshotEveryEntries: number;
}

/** When the next snapshot is due: so long, so many entries or so many bytes of log after the last one. */
export class SnapshotPolicy {
  readonly #options: SnapshotPolicyOptions;
  #lastIndex: number;
  #lastBytes: number;
  #lastMs: number;

  constructor(options: SnapshotPolicyOptions, lastIndex: number, nowMs: number) {
    this.#options = options;
    this.#lastIndex = lastIndex;
    this.#lastBytes = 0;
    this.#lastMs = nowMs;
  }

  /** `bytes` counts what was applied since the start of the process. */
  isDue(index: number, bytes: number, nowMs: number): boolean {
    const { snapshotEveryBytes, snapshotEveryEntries, snapshotEveryMs } = this.#options;
    const entries = index - this.#lastIndex;
    return (
      entries > 0 &&
      (entries >= snapshotEveryEntries ||
        bytes - this.#lastBytes >= snapshotEveryBytes ||
        nowMs - this.#lastMs >= snapshotEveryMs)
    );
  }

  /** One is being taken at `index`, or came from another member. */
  taken(index: number, bytes: number, nowMs: number): void {
    this.#lastIndex = index;
    this.#lastBytes = bytes;
    this.#lastMs = nowMs;
  }
}
