// Hot path: per call. Bench: bench/deadline-wheel.bench.ts. No closures, no allocation.
import { throwLater } from "./guarded.ts";

/** A thing with a deadline. The wheel owns the first three fields; start them as -1, null, null. */
export interface DeadlineEntry {
  expireTick: number;
  previousEntry: DeadlineEntry | null;
  nextEntry: DeadlineEntry | null;
  /** The entry has left the wheel and may be added again. */
  onDeadline(): void;
}

/** Deadlines fall due in steps of this many milliseconds. */
export const TICK_MS = 10;

const BUCKET_COUNT = 512;
const BUCKET_MASK = BUCKET_COUNT - 1;
const NOT_ARMED = -1;

/**
 * The deadlines of a process: one timer for all of them, a constant cost to add and to remove.
 *
 * An entry falls due never before its time and up to two ticks after it, later when the event loop
 * is blocked. After the timer the sockets are read once more, so that an answer which has already
 * arrived wins over the deadline; those that read at a pace of their own ask `isDue` and hurry. The timer
 * does not keep the process alive.
 */
export class DeadlineWheel {
  readonly #buckets: (DeadlineEntry | null)[] = Array.from({ length: BUCKET_COUNT }, () => null);
  /** The head of the entries that are due: it is before the first of them and never called. */
  readonly #due: DeadlineEntry = {
    expireTick: -1,
    previousEntry: null,
    nextEntry: null,
    onDeadline() {},
  };
  readonly #originMs: number = performance.now();
  #count = 0;
  /** Every tick up to this one has been handled. */
  #doneTick = 0;
  #armedTick = NOT_ARMED;
  #timer: NodeJS.Timeout | null = null;
  #isDue = false;
  readonly #onTimer = (): void => {
    this.#isDue = true;
    setImmediate(this.#onSocketsResumed);
  };
  /** A socket that was paused in the turn before goes on by now, and is read in the next. */
  readonly #onSocketsResumed = (): void => {
    setImmediate(this.#onSocketsRead);
  };
  readonly #onSocketsRead = (): void => {
    this.#isDue = false;
    this.#advance();
  };

  /** Deadlines fall due as soon as the sockets are read. */
  get isDue(): boolean {
    return this.#isDue;
  }

  get count(): number {
    return this.#count;
  }

  /** `atMs` is a time of performance.now(). The entry must not be in a wheel. */
  add(entry: DeadlineEntry, atMs: number): void {
    let tick = Math.ceil((atMs - this.#originMs) / TICK_MS) + 1;
    if (tick <= this.#doneTick) {
      tick = this.#doneTick + 1;
    }
    const bucket = tick & BUCKET_MASK;
    const next = this.#buckets[bucket] ?? null;
    entry.expireTick = tick;
    entry.previousEntry = null;
    entry.nextEntry = next;
    if (next !== null) {
      next.previousEntry = entry;
    }
    this.#buckets[bucket] = entry;
    this.#count++;
    if (this.#armedTick === NOT_ARMED || tick < this.#armedTick) {
      this.#arm(tick);
    }
  }

  /** Takes the entry out; nothing happens when it is not in. */
  remove(entry: DeadlineEntry): void {
    if (entry.expireTick < 0) {
      return;
    }
    const { previousEntry, nextEntry } = entry;
    if (previousEntry === null) {
      this.#buckets[entry.expireTick & BUCKET_MASK] = nextEntry;
    } else {
      previousEntry.nextEntry = nextEntry;
    }
    if (nextEntry !== null) {
      nextEntry.previousEntry = previousEntry;
    }
    entry.expireTick = -1;
    entry.previousEntry = null;
    entry.nextEntry = null;
    this.#count--;
  }

  #advance(): void {
    this.#armedTick = NOT_ARMED;
    const nowTick = Math.floor((performance.now() - this.#originMs) / TICK_MS);
    // After a long pause every bucket is due once, not once per turn of the wheel.
    const first = Math.max(this.#doneTick + 1, nowTick - BUCKET_COUNT + 1);
    this.#doneTick = nowTick;
    for (let tick = first; tick <= nowTick; tick++) {
      this.#expire(tick & BUCKET_MASK, nowTick);
    }
    if (this.#count > 0 && this.#armedTick === NOT_ARMED) {
      this.#arm(this.#nextUsedTick());
    }
  }

  /**
   * First moves what is due to a list of its own, then calls it: an entry that is called may add
   * others and remove others, due ones too.
   */
  #expire(bucket: number, nowTick: number): void {
    const due = this.#due;
    let entry = this.#buckets[bucket] ?? null;
    while (entry !== null) {
      const next = entry.nextEntry;
      if (entry.expireTick <= nowTick) {
        this.remove(entry);
        this.#count++;
        entry.expireTick = nowTick;
        insertAfter(due, entry);
      }
      entry = next;
    }
    while (due.nextEntry !== null) {
      const first = due.nextEntry;
      this.remove(first);
      try {
        first.onDeadline();
      } catch (error) {
        // The others are due all the same, and the wheel has to turn on.
        throwLater(error);
      }
    }
  }

  #nextUsedTick(): number {
    for (let distance = 1; distance < BUCKET_COUNT; distance++) {
      if (this.#buckets[(this.#doneTick + distance) & BUCKET_MASK] !== null) {
        return this.#doneTick + distance;
      }
    }
    return this.#doneTick + BUCKET_COUNT;
  }

  #arm(tick: number): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
    this.#armedTick = tick;
    const delayMs = tick * TICK_MS - (performance.now() - this.#originMs);
    this.#timer = setTimeout(this.#onTimer, Math.max(1, Math.ceil(delayMs))).unref();
  }
}

function insertAfter(previous: DeadlineEntry, entry: DeadlineEntry): void {
  const next = previous.nextEntry;
  entry.previousEntry = previous;
  entry.nextEntry = next;
  previous.nextEntry = entry;
  if (next !== null) {
    next.previousEntry = entry;
  }
}

/** The wheel of this process. */
export const processWheel: DeadlineWheel = new DeadlineWheel();
