import type { DeadlineEntry, DeadlineWheel } from "./deadline-wheel.ts";

export interface LivenessOptions {
  readonly pingIntervalMs: number;
  readonly peerTimeoutMs: number;
}

/**
 * Watches that the peer is alive. A frame is a sign of life, and so is a good part of one; when
 * none came for the ping interval a ping asks for one, and when none came for the timeout the peer
 * is given up, as a half-open connection is.
 *
 * Silence is counted in waits that this process has seen through, not by the clock: after this
 * process or the whole machine stood still, the peer still gets its pings and the time to answer
 * them.
 */
export class Liveness implements DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  /** Of performance.now(). The connection sets it for each sign of life. */
  lastReceivedMs: number = performance.now();
  readonly #wheel: DeadlineWheel;
  readonly #options: LivenessOptions;
  readonly #ping: () => void;
  readonly #giveUp: (silentMs: number) => void;
  /** What `lastReceivedMs` was when the current wait began, and how long that wait is. */
  #seenMs: number;
  #waitMs: number;
  #silentMs = 0;

  constructor(
    wheel: DeadlineWheel,
    options: LivenessOptions,
    ping: () => void,
    giveUp: (silentMs: number) => void,
  ) {
    this.#wheel = wheel;
    this.#options = options;
    this.#ping = ping;
    this.#giveUp = giveUp;
    this.#seenMs = this.lastReceivedMs;
    this.#waitMs = options.pingIntervalMs;
    wheel.add(this, this.lastReceivedMs + this.#waitMs);
  }

  stop(): void {
    this.#wheel.remove(this);
  }

  onDeadline(): void {
    const { pingIntervalMs, peerTimeoutMs } = this.#options;
    const nowMs = performance.now();
    if (this.lastReceivedMs > this.#seenMs) {
      this.#seenMs = this.lastReceivedMs;
      this.#silentMs = 0;
      this.#waitMs = Math.max(1, pingIntervalMs - (nowMs - this.lastReceivedMs));
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
}
