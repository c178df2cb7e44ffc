/** Lines from many writers to one reader, as an async iterable; the oldest go when it lags behind. */
export class LineQueue<T> implements AsyncIterable<T> {
  readonly #maxLines: number;
  readonly #lines: T[] = [];
  #wake: () => void = () => {};
  #isClosed = false;
  #error: Error | null = null;

  constructor(maxLines = 100) {
    this.#maxLines = maxLines;
  }

  push(line: T): void {
    this.#lines.push(line);
    if (this.#lines.length > this.#maxLines) {
      this.#lines.shift();
    }
    this.#wake();
  }

  /** The reader gets what is left, and then the error if it is one. */
  close(error: unknown): void {
    this.#isClosed = true;
    this.#error = error instanceof Error ? error : null;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) {
        yield line;
      } else if (this.#isClosed) {
        if (this.#error !== null) {
          throw this.#error;
        }
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
