// Hot path: per entry. A closure for each write.
import { BatchBuilder, type EntryBatch, EntryType, recordBytes } from "@dt/raft";
import type { FileLog } from "@dt/raft-log-file";
import { pause } from "./closed-loop.ts";
import type { LatencyHistogram } from "./histogram.ts";

export interface AppendOptions {
  readonly size: number;
  readonly inFlight: number;
  /** Drops the head as a log with snapshots does, so that files are used again. */
  readonly recycle: boolean;
}

/** What was appended and acknowledged in one slice of time. */
export interface Appended {
  readonly entries: number;
  readonly writes: number;
  readonly flushes: number;
  /** Of the records. */
  readonly bytes: number;
  readonly seconds: number;
  /** Processor time of the whole process, its threads included. */
  readonly cpuUs: number;
}

const MAX_BATCH_BYTES = 256 << 10;
/** Kept behind the newest entry with `recycle`. */
const KEPT_ENTRIES = 100_000;

/** Keeps `inFlight` appends waiting; those of one turn go to the log as one write, as a group does it. */
export class Appends {
  readonly #log: FileLog;
  readonly #options: AppendOptions;
  readonly #builder = new BatchBuilder(MAX_BATCH_BYTES);
  readonly #payload: Buffer;
  /** Half of the depth waits while the other half is on its way to the disk. */
  readonly #half: number;
  #histogram: LatencyHistogram | null = null;
  #nextIndex = 1;
  #chain = 0;
  #sequence = 0;
  #waiting = 0;
  #isOver = true;
  #entries = 0;
  #writes = 0;
  #failure: Error | null = null;
  #onIdle: (() => void) | null = null;

  constructor(log: FileLog, options: AppendOptions) {
    this.#log = log;
    this.#options = options;
    this.#payload = Buffer.alloc(options.size, 7);
    this.#half = Math.max(1, Math.floor(options.inFlight / 2));
  }

  /** Appends for so long, until all of it is acknowledged. Latencies go to `histogram`. */
  async run(ms: number, histogram: LatencyHistogram | null): Promise<Appended> {
    this.#histogram = histogram;
    this.#entries = 0;
    this.#writes = 0;
    const flushesBefore = this.#log.counters?.flushes ?? 0;
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    this.#isOver = false;
    this.#fill();
    do {
      await pause(ms);
    } while (this.#entries === 0 && this.#failure === null); // A disk that stands still has no figures.
    this.#isOver = true;
    if (this.#waiting > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const seconds = (performance.now() - startMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (this.#failure !== null) {
      throw this.#failure;
    }
    return {
      entries: this.#entries,
      writes: this.#writes,
      flushes: (this.#log.counters?.flushes ?? 0) - flushesBefore,
      bytes: this.#entries * recordBytes(this.#options.size),
      seconds,
      cpuUs: user + system,
    };
  }

  /** Makes entries as `run` does, and appends none; returns the processor time of one, in microseconds. */
  makeOnly(ms: number): number {
    const builder = new BatchBuilder(MAX_BATCH_BYTES);
    const cpu = process.cpuUsage();
    const endMs = performance.now() + ms;
    let made = 0;
    let chain = 0;
    do {
      chain = this.#make(builder, this.#half, made + 1, chain).at(-1)?.chain ?? 0;
      made += this.#half;
    } while (performance.now() < endMs);
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / made;
  }

  #make(builder: BatchBuilder, count: number, firstIndex: number, chain: number): EntryBatch[] {
    const { size } = this.#options;
    for (let i = 0; i < count; i++) {
      builder.add(EntryType.normal, 1, this.#payload, 0, size);
    }
    return builder.seal(firstIndex, 1, 0, chain);
  }

  #fill(): void {
    for (let left = this.#options.inFlight - this.#waiting; left > 0; left -= this.#half) {
      this.#append(Math.min(this.#half, left));
    }
  }

  #append(count: number): void {
    const batches = this.#make(this.#builder, count, this.#nextIndex, this.#chain);
    const last = batches.at(-1);
    this.#nextIndex = (last?.lastIndex ?? 0) + 1;
    this.#chain = last?.chain ?? 0;
    this.#waiting += count;
    const startMs = performance.now();
    const io = { term: 1, sequence: ++this.#sequence };
    this.#log.write({ io, hardState: null, reset: null, truncateFrom: 0, batches }, (error) =>
      this.#onDone(error, count, startMs),
    );
  }

  #onDone(error: Error | null, count: number, startMs: number): void {
    this.#waiting -= count;
    this.#failure ??= error;
    this.#histogram?.recordMs(performance.now() - startMs, count);
    this.#entries += count;
    this.#writes++;
    if (this.#options.recycle) {
      this.#log.dropHead(this.#nextIndex - KEPT_ENTRIES);
    }
    if (this.#failure === null && !this.#isOver) {
      this.#fill();
    } else if (this.#waiting === 0) {
      this.#onIdle?.();
      this.#onIdle = null;
    }
  }
}
