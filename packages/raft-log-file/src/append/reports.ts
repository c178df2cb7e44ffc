import type { QueuedWrite } from "./write-queue.ts";

/** Tells the owners of writes what became of them, in order, each with its `refusal`. */
export class Reports {
  #items: QueuedWrite[] = [];
  #isRunning = false;

  /** Where finished writes are to be added. */
  get items(): QueuedWrite[] {
    return this.#items;
  }

  /** Reports everything, also what is added meanwhile. */
  readonly run = (): void => {
    if (this.#isRunning) {
      return;
    }
    this.#isRunning = true;
    try {
      while (this.#items.length > 0) {
        const items = this.#items;
        this.#items = [];
        for (const item of items) {
          item.done(item.refusal);
        }
      }
    } finally {
      this.#isRunning = false;
    }
  };

  /** Reports everything once the running task has ended. */
  runSoon(): void {
    if (this.#items.length > 0) {
      queueMicrotask(this.run);
    }
  }
}
