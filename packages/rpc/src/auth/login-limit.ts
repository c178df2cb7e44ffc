import { isIPv6 } from "node:net";

export interface LoginLimitOptions {
  /** Failures of one address before it has to wait. */
  readonly maxLoginFailures: number;
  /** After so many milliseconds one failure is forgotten. */
  readonly loginFailureMs: number;
  /** Addresses that are remembered; beyond it the one that failed least recently is forgotten. */
  readonly maxLoginAddresses: number;
}

/** Failures are worked off one by one, as water leaves a bucket. */
interface Bucket {
  failures: number;
  /** When the oldest failure that counts began to be worked off, in milliseconds. */
  sinceMs: number;
}

/** An address that fails on and on waits no longer than for so many times `maxLoginFailures`. */
const MAX_DEBT = 4;

/**
 * Slows down guessing: an address that has failed too often is turned away before its credentials are
 * looked at, until enough failures are forgotten. All connections of one process share the verdict, and
 * all of one IPv6 network of 64 bits do.
 */
export class LoginLimit {
  readonly #options: LoginLimitOptions;
  /** In the order of the last failure. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: LoginLimitOptions) {
    this.#options = options;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Milliseconds until the address may try again; 0 when it may now. */
  waitMs(address: string, nowMs: number): number {
    const key = networkOf(address);
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      return 0;
    }
    this.#forget(bucket, nowMs);
    if (bucket.failures === 0) {
      this.#buckets.delete(key);
      return 0;
    }
    const { maxLoginFailures, loginFailureMs } = this.#options;
    const excess = bucket.failures - maxLoginFailures + 1;
    return excess <= 0 ? 0 : excess * loginFailureMs - (nowMs - bucket.sinceMs);
  }

  failed(address: string, nowMs: number): void {
    const { maxLoginFailures, maxLoginAddresses } = this.#options;
    const key = networkOf(address);
    const bucket = this.#buckets.get(key) ?? { failures: 0, sinceMs: nowMs };
    this.#forget(bucket, nowMs);
    bucket.failures = Math.min(bucket.failures + 1, MAX_DEBT * maxLoginFailures);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > maxLoginAddresses) {
      const [oldest] = this.#buckets.keys();
      this.#buckets.delete(oldest ?? key);
    }
  }

  #forget(bucket: Bucket, nowMs: number): void {
    const { loginFailureMs } = this.#options;
    const gone = Math.floor((nowMs - bucket.sinceMs) / loginFailureMs);
    if (gone >= bucket.failures) {
      bucket.failures = 0;
      bucket.sinceMs = nowMs;
    } else {
      bucket.failures -= gone;
      bucket.sinceMs += gone * loginFailureMs;
    }
  }
}

/** What one party is likely to own: an IPv4 address, or the upper half of an IPv6 one. */
function networkOf(address: string): string {
  if (!isIPv6(address)) {
    return address;
  }
  if (address.startsWith("::ffff:")) {
    return address.slice("::ffff:".length);
  }
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
