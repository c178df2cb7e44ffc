import type { DeadlineEntry, DeadlineWheel } from "./deadline-wheel.ts";

export interface LivenessOptions {
  readonly pingIntervalMs: number;
  readonly peerTimeoutMs: number;
}

/** What the peer has read of what this side sends. */
export interface ReadingProgress {
  /** Bytes wait to be read. */
  readonly isWaiting: boolean;
  /** Grows with each write that has gone out. */
  readonly writesDone: number;
}

/**
 * Of a frame that takes many chunks, so many bytes together are as good a sign of life as a whole
 * frame. Single bytes are none: a peer that sends one now and then would hold its place for ever.
 */
const BYTES_OF_LIFE = 4096;

/** A peer may read nothing for so many times the peer timeout, while it is alive otherwise. */
const STUCK_TIMEOUTS = 2;

/**
 * Watches that the peer is alive. A frame is a sign of life, and so is a good part of one; when
 * none came for the ping interval a ping asks for one, and when none came for the timeout the peer
 * is given up, as a half-open connection is.
 *
 * A peer that sends but reads nothing, although bytes wait for it, is given up too, after twice the
 * timeout.
 *
 * Silence is counted in waits that this process has seen through, not by the clock: after this
 * process or the whole machine stood still, the peer still gets its pings and the time to answer
 * them.
 */
export class Liveness implements DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  /** When the last sign of life came, of performance.now(). */
  #lastReceivedMs: number = performance.now();
  /** Bytes since the last sign of life. */
  #trickleBytes = 0;
  readonly #wheel: DeadlineWheel;
  readonly #options: LivenessOptions;
  readonly #ping: () => void;
  readonly #giveUp: (silentMs: number) => void;
  readonly #reading: ReadingProgress;
  readonly #onStuck: (stuckMs: number) => void;
  /** What `#lastReceivedMs` was when the current wait began, and how long that wait is. */
  #seenMs: number;
  #waitMs: number;
  #silentMs = 0;
  #seenWrites = 0;
  #stuckMs = 0;

  constructor(
    wheel: DeadlineWheel,
    options: LivenessOptions,
    ping: () => void,
    giveUp: (silentMs: number) => void,
    reading: ReadingProgress,
    onStuck: (stuckMs: number) => void,
  ) {
    this.#wheel = wheel;
    this.#options = options;
    this.#ping = ping;
    this.#giveUp = giveUp;
    this.#reading = reading;
    this.#onStuck = onStuck;
    this.#seenMs = this.#lastReceivedMs;
    this.#waitMs = options.pingIntervalMs;
    wheel.add(this, this.#lastReceivedMs + this.#waitMs);
  }

  /** A chunk of so many bytes has come, at `nowMs` of performance.now(). */
  onChunk(byteCount: number, endsFrame: boolean, nowMs: number): void {
    if (!endsFrame) {
      this.#trickleBytes += byteCount;
      if (this.#trickleBytes < BYTES_OF_LIFE) {
        return;
      }
    }
    this.#trickleBytes = 0;
    this.#lastReceivedMs = nowMs;
  }

  stop(): void {
    this.#wheel.remove(this);
  }

  onDeadline(): void {
    const { pingIntervalMs, peerTimeoutMs } = this.#options;
    const nowMs = performance.now();
    if (this.#isStuck()) {
      this.#onStuck(Math.round(this.#stuckMs));
      return;
    }
    if (this.#lastReceivedMs > this.#seenMs) {
      this.#seenMs = this.#lastReceivedMs;
      this.#silentMs = 0;
      this.#waitMs = Math.max(1, pingIntervalMs - (nowMs - this.#lastReceivedMs));
    } else {
      this.#silentMs += this.#waitMs;
      if (this.#silentMs >= peerTimeoutMs) {
        this.#giveUp(Math.round(this.#silentMs));
        return;
      }
      this.#ping();
      this.#waitMs = Math.min(pingIntervalMs, peerTimeoutMs - this.#silentMs);
    }
    this.#wheel.add(this, nowMs + this.#waitMs);
  }

  #isStuck(): boolean {
    const { isWaiting, writesDone } = this.#reading;
    this.#stuckMs = isWaiting && writesDone === this.#seenWrites ? this.#stuckMs + this.#waitMs : 0;
    this.#seenWrites = writesDone;
    return this.#stuckMs >= STUCK_TIMEOUTS * this.#options.peerTimeoutMs;
  }
}
