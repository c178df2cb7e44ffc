import type { DeadlineEntry, DeadlineWheel } from "./deadline-wheel.ts";

export interface LivenessOptions {
  readonly pingIntervalMs: number;
  readonly peerTimeoutMs: number;
}

/**
 * Watches that the peer is alive. Anything received is a sign of life; when nothing came for the ping interval
 * a ping asks for one, and when nothing came for the timeout the peer is given up, as a half-open connection is.
 */
export class Liveness implements DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  /** Of performance.now(). The connection sets it for each chunk. */
  lastReceivedMs: number = performance.now();
  readonly #wheel: DeadlineWheel;
  readonly #options: LivenessOptions;
  readonly #ping: () => void;
  readonly #giveUp: (silentMs: number) => void;

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
    wheel.add(this, this.lastReceivedMs + options.pingIntervalMs);
  }

  stop(): void {
    this.#wheel.remove(this);
  }

  onDeadline(): void {
    const { pingIntervalMs, peerTimeoutMs } = this.#options;
    const nowMs = performance.now();
    const silentMs = nowMs - this.lastReceivedMs;
    if (silentMs >= peerTimeoutMs) {
      this.#giveUp(Math.round(silentMs));
      return;
    }
    if (silentMs >= pingIntervalMs) {
      this.#ping();
      this.#wheel.add(this, Math.min(nowMs + pingIntervalMs, this.lastReceivedMs + peerTimeoutMs));
    } else {
      this.#wheel.add(this, this.lastReceivedMs + pingIntervalMs);
    }
  }
}
