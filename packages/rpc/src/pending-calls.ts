// Hot path: per call. Bench: bench/echo.bench.ts. No closures, no promises, no Map.
import type { CallCompletion } from "./call-completion.ts";
import type { DeadlineEntry } from "./deadline-wheel.ts";
import type { RequestExtension } from "./extension.ts";
import type { WaitingCall } from "./waiting-calls.ts";

/** The slot of a call. Slots are made when the ring grows and used again for call after call. */
export class PendingCall implements DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  /** Null when the slot is free. */
  completion: CallCompletion | null = null;
  seq = 0;
  /** Bytes of the request's frame; 0 until it is encoded. */
  frameBytes = 0;
  /** Its place in the queue while it waits for a permit. */
  waiting: WaitingCall | null = null;
  timeoutMs = 0;
  /** What goes with the request besides its header; null for most. */
  extension: RequestExtension | null = null;
  readonly #onDeadline: (call: PendingCall) => void;

  constructor(onDeadline: (call: PendingCall) => void) {
    this.#onDeadline = onDeadline;
  }

  get wasSent(): boolean {
    return this.frameBytes > 0;
  }

  onDeadline(): void {
    this.#onDeadline(this);
  }
}

const INITIAL_CAPACITY = 16;
/** No call has it. */
export const PING_SEQ = 0x7fff_ffff;
const MAX_SEQ = 0x7fff_fffe;

/**
 * The calls of one connection that have not ended, found by `seq & mask`.
 *
 *   ring  [ 64 | 65 | free | 51 | ... ]     capacity 16, mask 15; 51 is a slow call of an earlier lap
 *                     ^ next seq 66
 *
 * A new call takes the next seq whose slot is free. The ring doubles when half of it is used, so
 * few seqs are skipped; seqs repeat only after 2^31 calls, which keeps late responses away from new
 * calls.
 */
export class PendingCalls {
  readonly #onDeadline: (call: PendingCall) => void;
  #ring: PendingCall[];
  #mask: number;
  #count = 0;
  #lastSeq: number;

  /** The first call gets the seq after `lastSeq`. */
  constructor(onDeadline: (call: PendingCall) => void, lastSeq: number = 0) {
    this.#onDeadline = onDeadline;
    this.#lastSeq = lastSeq;
    this.#ring = this.#slots(INITIAL_CAPACITY);
    this.#mask = INITIAL_CAPACITY - 1;
  }

  get count(): number {
    return this.#count;
  }

  add(
    completion: CallCompletion,
    timeoutMs: number,
    extension: RequestExtension | null = null,
  ): PendingCall {
    if (this.#count * 2 >= this.#ring.length) {
      this.#grow();
    }
    let seq = this.#lastSeq;
    for (;;) {
      seq = seq === MAX_SEQ ? 1 : seq + 1;
      const call = this.#ring[seq & this.#mask];
      if (call !== undefined && call.completion === null) {
        this.#lastSeq = seq;
        this.#count++;
        call.completion = completion;
        call.seq = seq;
        call.frameBytes = 0;
        call.timeoutMs = timeoutMs;
        call.extension = extension;
        return call;
      }
    }
  }

  /** The call with this seq, or null when it has ended. */
  find(seq: number): PendingCall | null {
    const call = this.#ring[seq & this.#mask];
    return call !== undefined && call.seq === seq && call.completion !== null ? call : null;
  }

  /** Ends the call: its slot is free from now on. */
  remove(call: PendingCall): void {
    call.completion = null;
    this.#count--;
  }

  /** Every call that has not ended, in no particular order. */
  all(): PendingCall[] {
    return this.#ring.filter(isUsed);
  }

  #grow(): void {
    const old = this.#ring;
    this.#ring = this.#slots(old.length * 2);
    this.#mask = this.#ring.length - 1;
    for (const call of old) {
      if (call.completion !== null) {
        this.#ring[call.seq & this.#mask] = call;
      }
    }
  }

  #slots(count: number): PendingCall[] {
    return Array.from({ length: count }, () => new PendingCall(this.#onDeadline));
  }
}

function isUsed(call: PendingCall): boolean {
  return call.completion !== null;
}
