import type { IoId } from "../../core/input.ts";
import type { LogState } from "../../core/log-state.ts";
import type { HardState, Write } from "../../core/output.ts";
import type { EntryBatch } from "../../entry/entry-batch.ts";
import { recordLength } from "../../entry/record.ts";
import type { EventQueue } from "./event-queue.ts";
import { ensure } from "./sim-failure.ts";
import type { SimRandom } from "./sim-random.ts";
import { StoredLog, writeSteps } from "./stored-log.ts";

export interface DiskTiming {
  /** Shortest and longest time of one sync. */
  readonly syncMinMs: number;
  readonly syncMaxMs: number;
  /** Shortest and longest time of one read. */
  readonly readMinMs: number;
  readonly readMaxMs: number;
  /** One sync covers everything that is queued when it starts, else one write. */
  readonly gather: boolean;
  /** Report only the last write of a sync, which stands for the earlier ones. */
  readonly reportLast: boolean;
  /** Part of the reads that fail. */
  readonly readErrorRate: number;
}

export const FAST_DISK: DiskTiming = {
  syncMinMs: 0,
  syncMaxMs: 3,
  readMinMs: 0,
  readMaxMs: 3,
  gather: true,
  reportLast: false,
  readErrorRate: 0,
};

interface QueuedWrite {
  readonly write: Write;
  readonly done: (io: IoId) => void;
}

/**
 * One node's disk. Writes become durable in order, after virtual time; a crash loses what was not
 * synced, except for a random prefix that may have reached the platter.
 */
export class SimDisk {
  timing: DiskTiming;
  /** Everything written so far: what the operating system would answer a read with. */
  issued: StoredLog;
  /** What survives a crash at this instant. */
  durable: StoredLog;
  readonly #queue: EventQueue;
  readonly #random: SimRandom;
  /** Oldest first; the first `#syncing` of them are in the running sync. */
  #writes: QueuedWrite[] = [];
  #syncing = 0;
  #syncId = 0;
  #isHeld = false;
  #isSyncFailing = false;
  #isMisdirecting = false;
  /** Grows when the process dies: what it had under way is never reported. */
  #epoch = 0;
  /** Told when a sync failed: nothing that was written and not synced can be relied on any more. */
  onFailure: (() => void) | null = null;
  /** How often damaged entries were met, by a read or by opening the log. */
  damageMet = 0;
  /** The vote that was durable in each term, ever. */
  readonly #votes = new Map<number, number>();
  /** The same, with the votes that were wiped: the first one of a term. */
  readonly #firstVotes = new Map<number, number>();
  /** Chains of all entries that were durable, ever. */
  readonly #chains = new Set<number>();
  /** What it held when it was wiped. */
  readonly #wiped: StoredLog[] = [];

  constructor(queue: EventQueue, random: SimRandom, content: StoredLog, timing: DiskTiming) {
    this.#queue = queue;
    this.#random = random;
    this.timing = timing;
    this.durable = content;
    this.issued = content.clone();
    this.#noteVote(content.hardState);
    for (let i = content.firstIndex; i <= content.lastIndex; i++) {
      this.#chains.add(content.chainAt(i));
    }
  }

  /** Writes that are not durable yet. */
  get pendingWrites(): number {
    return this.#writes.length;
  }

  /** A write that drops entries is not durable yet. */
  get isTruncating(): boolean {
    return this.#writes.some(({ write }) => write.truncateFrom > 0);
  }

  /** The vote that this disk ever held durably for `term`, since it was wiped; 0 for none. */
  durableVote(term: number): number {
    return this.#votes.get(term) ?? 0;
  }

  /** The vote that others may count on in `term`, wiped or not; 0 for none. */
  firstVote(term: number): number {
    return this.#firstVotes.get(term) ?? 0;
  }

  /** Whether the entry is durable, or was when the disk was wiped: acknowledged, it may be counted since. */
  holds(index: number, chain: number): boolean {
    return [this.durable, ...this.#wiped].some(
      (log) => log.lastIndex >= index && log.chainAt(index) === chain,
    );
  }

  /** True when the entry that `chain` stands for was durable here at some time. */
  everHeld(chain: number): boolean {
    return this.#chains.has(chain);
  }

  /** Drops entries at the head at once: nobody waits for it and a crash cannot tell. */
  dropHead(beforeIndex: number): void {
    this.issued.dropHead(beforeIndex);
    this.durable.dropHead(Math.min(beforeIndex, this.issued.firstIndex));
  }

  /** Queues a write; `done` is called when it is durable, unless the process dies before. */
  write(write: Write, done: (io: IoId) => void): void {
    this.issued.apply(write);
    this.#writes.push({ write, done });
    this.#startSync();
  }

  /** Reads as the page cache would answer, now or when the time is up; empty for a failure. */
  read(
    firstIndex: number,
    lastIndex: number,
    maxBytes: number,
    done: (batches: readonly EntryBatch[]) => void,
  ): void {
    ensure(
      firstIndex <= lastIndex && lastIndex <= this.durable.lastIndex,
      "log",
      () => `read of ${firstIndex}..${lastIndex} while ${this.durable.lastIndex} is durable`,
    );
    const epoch = this.#epoch;
    const { readMinMs, readMaxMs, readErrorRate } = this.timing;
    const fails = this.#random.chance(readErrorRate);
    const early = this.#random.chance(0.5) ? this.#readNow(firstIndex, lastIndex, maxBytes) : null;
    this.#queue.after(this.#random.between(readMinMs, readMaxMs), () => {
      if (epoch === this.#epoch) {
        const batches = early ?? this.#readNow(firstIndex, lastIndex, maxBytes);
        done(fails ? [] : batches);
      }
    });
  }

  /** From now on nothing becomes durable but by `flush`; a sync that runs already is stopped. */
  hold(): void {
    this.#isHeld = true;
    this.#stopSync();
  }

  /** Goes on by itself after `hold`. */
  unhold(): void {
    this.#isHeld = false;
    this.#startSync();
  }

  /** The next sync fails, however much of it reaches the platter. */
  failNextSync(): void {
    this.#isSyncFailing = true;
  }

  /** One bit of the stored entry at `index` flips, found by whoever reads it. */
  flipBit(index: number): void {
    const record = this.durable.recordAt(index);
    const bytes = Buffer.from(record);
    const at = this.#random.int(0, recordLength(record, 0) - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#random.int(0, 7));
    this.#damage(index, bytes);
  }

  /** The next entries are written over another one, and nothing where they belong. */
  misdirectNextWrite(): void {
    this.#isMisdirecting = true;
  }

  /** What opening the log gives after a start; null when the stored bytes are damaged. */
  open(): LogState | null {
    const state = this.durable.open();
    if (state === null) {
      this.damageMet++;
    }
    return state;
  }

  /** Puts good copies in the place of what is damaged, as an operator does. */
  repair(): void {
    this.durable.repair();
    this.issued.repair();
    this.#isMisdirecting = false;
    this.#isSyncFailing = false;
  }

  /** Makes the first `count` queued writes durable at once and reports them. */
  flush(count = Infinity): void {
    this.#finish(Math.min(count, this.#writes.length));
  }

  /** Power is cut: returns the number of writes that were lost, wholly or in part. */
  crash(): number {
    let steps = 0;
    for (const { write } of this.#writes) {
      steps += writeSteps(write);
    }
    let kept = this.#random.chance(0.5) ? 0 : this.#random.int(0, steps);
    let lost = 0;
    for (const { write } of this.#writes) {
      const size = writeSteps(write);
      if (kept < size) {
        lost++;
      }
      this.#persist(write, kept);
      kept = Math.max(0, kept - size);
    }
    this.#forgetProcess();
    return lost;
  }

  /** The process dies and the machine lives: everything written is kept. */
  stop(): void {
    for (const { write } of this.#writes) {
      this.#persist(write, Infinity);
    }
    this.#forgetProcess();
  }

  /** An empty disk takes the place of this one; no process may run. */
  wipe(): void {
    this.#wiped.push(this.durable);
    this.durable = new StoredLog();
    this.#votes.clear();
    this.#chains.clear();
    this.#isMisdirecting = false;
    this.#isSyncFailing = false;
    this.#forgetProcess();
  }

  #forgetProcess(): void {
    this.#writes = [];
    this.#stopSync();
    this.#isHeld = false;
    this.#epoch++;
    this.issued = this.durable.clone();
  }

  #startSync(): void {
    if (this.#isHeld || this.#syncing > 0 || this.#writes.length === 0) {
      return;
    }
    const count = this.timing.gather ? this.#writes.length : 1;
    this.#syncing = count;
    const id = ++this.#syncId;
    this.#queue.after(this.#random.between(this.timing.syncMinMs, this.timing.syncMaxMs), () => {
      if (id !== this.#syncId) {
        return;
      }
      if (this.#isSyncFailing) {
        this.#isSyncFailing = false;
        this.onFailure?.();
        return;
      }
      this.#finish(count);
      this.#startSync();
    });
  }

  #stopSync(): void {
    this.#syncing = 0;
    this.#syncId++;
  }

  #finish(count: number): void {
    this.#stopSync();
    const finished = this.#writes.splice(0, count);
    for (const { write } of finished) {
      this.#persist(write, Infinity);
    }
    const reported = this.timing.reportLast ? finished.slice(-1) : finished;
    for (const { write, done } of reported) {
      done(write.io);
    }
  }

  #persist(write: Write, steps: number): void {
    const { reset, truncateFrom } = write;
    const lastIndex = reset === null ? this.durable.lastIndex : reset.index;
    const from = truncateFrom > 0 ? Math.max(0, Math.min(lastIndex, truncateFrom - 1)) : lastIndex;
    this.durable.applyPart(write, steps);
    this.#noteVote(this.durable.hardState);
    if (reset !== null && this.durable.firstIndex === reset.index + 1) {
      this.#chains.add(reset.chain);
    }
    for (let i = Math.max(from + 1, this.durable.firstIndex); i <= this.durable.lastIndex; i++) {
      this.#chains.add(this.durable.chainAt(i));
    }
    if (this.#isMisdirecting && from > 0 && this.durable.lastIndex > from) {
      this.#isMisdirecting = false;
      const record = this.durable.recordAt(from + 1);
      this.#damage(this.#random.int(1, from), record);
      this.#damage(from + 1, Buffer.alloc(record.length));
    }
  }

  /** What the platter holds is also what a reader gets, once the cache has let go of it. */
  #damage(index: number, bytes: Buffer): void {
    for (const log of [this.durable, this.issued]) {
      if (index <= log.lastIndex && log.chainAt(index) === this.durable.chainAt(index)) {
        log.damage(index, bytes);
      }
    }
  }

  #noteVote(state: HardState): void {
    if (state.vote !== 0) {
      this.#votes.set(state.term, state.vote);
      if (!this.#firstVotes.has(state.term)) {
        this.#firstVotes.set(state.term, state.vote);
      }
    }
  }

  #readNow(firstIndex: number, lastIndex: number, maxBytes: number): readonly EntryBatch[] {
    if (firstIndex > this.issued.lastIndex || firstIndex < this.issued.firstIndex) {
      return [];
    }
    const batches = this.issued.read(firstIndex, lastIndex, maxBytes);
    if (batches === null) {
      this.damageMet++;
    }
    return batches ?? [];
  }
}
