import type { SimRandom } from "@dt/raft/testing";
import type { Fault, Operation } from "./disk-operation.ts";

/** How often, from 0 to 1, an operation of a kind meets a fault. What is left out is 0. */
export interface FaultRates {
  /** EIO of a read. */
  readonly readError?: number;
  /** EIO of a write, some of its bytes being in the cache. */
  readonly writeError?: number;
  /** EIO of a sync; the system gives the pages up. */
  readonly syncError?: number;
  /** ENOSPC of a write, a sync, a create or a rename. */
  readonly noSpace?: number;
  readonly shortRead?: number;
  readonly shortWrite?: number;
  /** One bit of what is read is wrong, once. */
  readonly flippedRead?: number;
  /** One bit of what is stored is wrong. */
  readonly flippedWrite?: number;
  /** A write goes to another sector of the file. */
  readonly misdirectedWrite?: number;
  /** A write that reports success and does nothing. */
  readonly lostWrite?: number;
}

const SECTOR_BYTES = 512;
const GROWING: ReadonlySet<string> = new Set(["write", "open", "rename", "makeDirectory"]);

/** Faults by chance, for `FaultyDisk.fault`; the same seed gives the same faults for the same operations. */
export function randomFaults(
  random: SimRandom,
  rates: FaultRates,
): (operation: Operation) => Fault | null {
  const hits = (rate: number | undefined): boolean => rate !== undefined && random.chance(rate);
  return (operation) => {
    const { kind, bytes, position } = operation;
    if (GROWING.has(kind) && hits(rates.noSpace)) {
      return { error: "ENOSPC", afterBytes: random.int(0, bytes) };
    }
    if (kind === "sync" && hits(rates.syncError)) {
      return { error: "EIO", forgets: true };
    }
    if (bytes === 0) {
      return null;
    }
    if (kind === "read") {
      return hits(rates.readError)
        ? { error: "EIO" }
        : hits(rates.shortRead)
          ? { shortTo: random.int(1, bytes) }
          : hits(rates.flippedRead)
            ? { flippedBit: random.int(0, bytes * 8 - 1) }
            : null;
    }
    if (kind !== "write") {
      return null;
    }
    if (hits(rates.writeError)) {
      return { error: "EIO", afterBytes: random.int(0, bytes) };
    }
    if (hits(rates.shortWrite)) {
      return { shortTo: random.int(1, bytes) };
    }
    if (hits(rates.flippedWrite)) {
      return { flippedBit: random.int(0, bytes * 8 - 1) };
    }
    if (hits(rates.misdirectedWrite)) {
      const sectors = Math.ceil((position + bytes) / SECTOR_BYTES);
      return { misdirectedTo: random.int(0, sectors) * SECTOR_BYTES };
    }
    return hits(rates.lostWrite) ? { isLost: true } : null;
  };
}

export interface LatencyRange {
  readonly minMs: number;
  readonly maxMs: number;
  /** How often, from 0 to 1, a sync takes `stallMs` instead. */
  readonly stallRate?: number;
  readonly stallMs?: number;
}

/** Delays by chance, for `DiskLatency.delayMs`. Opening, reading and writing take a tenth of a sync. */
export function randomDelays(
  random: SimRandom,
  { minMs, maxMs, stallRate = 0, stallMs = 0 }: LatencyRange,
): (operation: Operation) => number {
  return ({ kind }) => {
    const isSync = kind === "sync" || kind === "syncDirectory";
    if (isSync && random.chance(stallRate)) {
      return stallMs;
    }
    return random.between(minMs, maxMs) * (isSync ? 1 : 0.1);
  };
}
