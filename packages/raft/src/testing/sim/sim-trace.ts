const TAIL_LINES = 400;

/** Everything that happened, as a running hash of all lines and the text of the last ones. */
export class SimTrace {
  readonly #tail: string[] = [];
  /** Gets every line; set before the run for a whole trace. */
  onLine: ((line: string) => void) | null = null;
  #next = 0;
  #low = 0x811c9dc5;
  #high = 0x1b873593;

  /** 64 bits over all lines so far: equal for two runs exactly when they did the same. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  add(nowMs: number, line: string): void {
    const text = `${nowMs.toFixed(3)} ${line}`;
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x5bd1e995) ^ (high >>> 15);
    }
    this.#low = low;
    this.#high = high;
    this.onLine?.(text);
    this.#tail[this.#next] = text;
    this.#next = (this.#next + 1) % TAIL_LINES;
  }

  /** The last lines, oldest first. */
  tail(lines: number): string[] {
    const ordered = [...this.#tail.slice(this.#next), ...this.#tail.slice(0, this.#next)];
    return ordered.slice(-lines);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
