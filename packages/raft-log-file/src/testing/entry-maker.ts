import {
  BatchBuilder,
  type EntryBatch,
  EntryType,
  type HardState,
  INITIAL_CHAIN,
  type LogBase,
  type RaftLog,
  recordHeaderCrc,
  type Write,
} from "@dt/raft";

/** Makes entries that follow each other, and remembers the record of each. */
export class EntryMaker {
  readonly #builder = new BatchBuilder(1 << 16);
  /** Record bytes of index i at i - 1. */
  readonly records: Buffer[] = [];
  #sequence = 0;
  #base: LogBase = { index: 0, term: 0, chain: INITIAL_CHAIN };

  get lastIndex(): number {
    return this.records.length;
  }

  chainAt(index: number): number {
    return index === this.#base.index
      ? this.#base.chain
      : recordHeaderCrc(this.records[index - 1] as Buffer, 0);
  }

  /** The next entries as one batch (or several, when they are large). */
  entries(term: number, payloads: readonly Buffer[]): EntryBatch[] {
    const { lastIndex } = this;
    const batches = this.entriesAfter(lastIndex, this.chainAt(lastIndex), term, payloads);
    for (const batch of batches) {
      this.records.push(...recordsOf(batch));
    }
    return batches;
  }

  /** Entries behind one that this maker has not made; it does not remember them. */
  entriesAfter(
    lastIndex: number,
    chain: number,
    term: number,
    payloads: readonly Buffer[],
  ): EntryBatch[] {
    for (const payload of payloads) {
      this.#builder.add(EntryType.normal, 1, payload, 0, payload.length);
    }
    return this.#builder.seal(lastIndex + 1, term, 1_700_000_000_000, chain);
  }

  /** As `entries`, with `count` payloads of a size, filled with their index. */
  filled(term: number, count: number, bytes: number): EntryBatch[] {
    const first = this.lastIndex + 1;
    return this.entries(
      term,
      Array.from({ length: count }, (_, i) => Buffer.alloc(bytes, (first + i) % 255 || 1)),
    );
  }

  /** Forgets the entries from `index` on; returns it. */
  cutFrom(index: number): number {
    this.records.length = index - 1;
    return index;
  }

  /** Goes on after an entry that it has not made, and forgets all others. */
  resetTo(base: LogBase): LogBase {
    this.records.length = 0;
    this.records.length = base.index;
    this.#base = base;
    return base;
  }

  write(
    batches: readonly EntryBatch[],
    truncateFrom = 0,
    hardState: HardState | null = null,
    reset: LogBase | null = null,
  ): Write {
    const term = batches.at(-1)?.term ?? 0;
    return {
      io: { term, sequence: ++this.#sequence },
      hardState,
      reset,
      truncateFrom,
      batches,
    };
  }
}

export function recordsOf(batch: EntryBatch): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < batch.bytes.length;) {
    const bytes = (batch.bytes.readUInt32BE(at) + 7) & ~7;
    records.push(Buffer.from(batch.bytes.subarray(at, at + bytes)));
    at += bytes;
  }
  return records;
}

export function store(log: RaftLog, write: Write): Promise<void> {
  return new Promise((resolve, reject) => {
    log.write(write, (error) => {
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
}

/** The records that a log holds, read in steps; each read is checked by the log itself. */
export async function readRecords(log: RaftLog, lastIndex: number): Promise<Buffer[]> {
  const records: Buffer[] = [];
  records.length = log.firstIndex - 1; // Places of what the log does not hold any more.
  while (records.length < lastIndex) {
    const batches = await log.read(records.length + 1, lastIndex, 1 << 20);
    for (const batch of batches) {
      records.push(...recordsOf(batch));
    }
  }
  return records;
}
