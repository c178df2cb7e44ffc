// Hot path: per fiber switch. Bench: bench/switch.bench.ts. No closures, no allocation unless it grows.

/** A first-in first-out queue over one array, doubled when full, never shifted. */
export class RingQueue<T> {
  #slots: (T | undefined)[];
  #mask: number;
  #head: number;
  #size: number;

  constructor(initialSlots = 16) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, initialSlots)));
    this.#slots = Array.from<T | undefined>({ length: slots }).fill(undefined);
    this.#mask = slots - 1;
    this.#head = 0;
    this.#size = 0;
  }

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size > this.#mask) {
      this.#grow();
    }
    this.#slots[(this.#head + this.#size) & this.#mask] = item;
    this.#size += 1;
  }

  /** The oldest item, or undefined when the queue is empty. */
  shift(): T | undefined {
    if (this.#size === 0) {
      return undefined;
    }
    const head = this.#head;
    const item = this.#slots[head];
    this.#slots[head] = undefined;
    this.#head = (head + 1) & this.#mask;
    this.#size -= 1;
    return item;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = Array.from<T | undefined>({ length: old.length * 2 }).fill(undefined);
    for (let i = 0; i < this.#size; i++) {
      slots[i] = old[(this.#head + i) & this.#mask];
    }
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#head = 0;
  }
}
