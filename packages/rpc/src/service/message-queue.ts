interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/**
 * The messages of a stream as an async iterable, for one reader. It holds what has arrived and was
 * not read, which the credit of the stream bounds; messages that have arrived are read before an
 * error.
 */
export class MessageQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #onTaken: (byteCount: number) => void;
  readonly #onReturn: () => void;
  #messages: T[] = [];
  #byteCounts: number[] = [];
  #first = 0;
  readonly #readers: Reader<T>[] = [];
  #hasEnded = false;
  #error: unknown = null;

  /**
   * `onTaken` hears of each message that the reader has taken, `onReturn` that the reader leaves
   * before the end.
   */
  constructor(onTaken: (byteCount: number) => void, onReturn: () => void) {
    this.#onTaken = onTaken;
    this.#onReturn = onReturn;
  }

  push(message: T, byteCount: number): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ value: message, done: false });
      this.#onTaken(byteCount);
    } else if (!this.#hasEnded) {
      this.#messages.push(message);
      this.#byteCounts.push(byteCount);
    }
  }

  /** No more messages come. */
  end(): void {
    this.#hasEnded = true;
    for (const reader of this.#readers.splice(0)) {
      reader.resolve({ value: undefined, done: true });
    }
  }

  /** No more messages come, because of this. */
  fail(error: unknown): void {
    if (this.#hasEnded) {
      return;
    }
    this.#hasEnded = true;
    const [reader, ...others] = this.#readers.splice(0);
    if (reader === undefined) {
      this.#error = error;
      return;
    }
    reader.reject(error);
    for (const other of others) {
      other.resolve({ value: undefined, done: true });
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#first < this.#messages.length) {
      const value = this.#messages[this.#first] as T;
      const byteCount = this.#byteCounts[this.#first] as number;
      this.#first++;
      if (this.#first * 2 >= this.#messages.length) {
        this.#messages = this.#messages.slice(this.#first);
        this.#byteCounts = this.#byteCounts.slice(this.#first);
        this.#first = 0;
      }
      this.#onTaken(byteCount);
      return Promise.resolve({ value, done: false });
    }
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#hasEnded) {
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  /** The reader wants no more. */
  return(): Promise<IteratorResult<T, undefined>> {
    const wasOpen = !this.#hasEnded;
    this.#messages = [];
    this.#byteCounts = [];
    this.#first = 0;
    this.#error = null;
    this.end();
    if (wasOpen) {
      this.#onReturn();
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
