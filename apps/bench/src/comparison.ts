import type { LoopResult } from "./closed-loop.ts";
import { describeEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { alignRows, grouped } from "./report.ts";
import type { OutputFormat } from "./report.ts";

/** Figures of one side: medians over the rounds, the sum of the errors. */
export type Side = Pick<
  LoopResult,
  "opsPerSec" | "p50Us" | "p99Us" | "p999Us" | "maxUs" | "errors"
>;

export interface Comparison {
  readonly workload: string;
  readonly config: Readonly<Record<string, string | number>>;
  readonly ours: Side;
  readonly peer: Side;
  /** Throughput, ours to the peer's: above 1 we are faster. */
  readonly ratio: number;
  /** Latency, ours to the peer's: below 1 we are faster. */
  readonly p50Ratio: number;
  readonly p99Ratio: number;
  readonly environment: Environment;
}

export interface Rounds {
  readonly workload: string;
  readonly config: Readonly<Record<string, string | number>>;
  /** What an acknowledged operation has been through: "fsync" or "none". */
  readonly fsync: string;
  readonly ours: readonly Side[];
  readonly peer: readonly Side[];
}

/** Compares the medians of both sides. */
export function compareRounds({ workload, config, fsync, ours, peer }: Rounds): Comparison {
  const a = medianOf(ours);
  const b = medianOf(peer);
  return {
    workload,
    config,
    ours: a,
    peer: b,
    ratio: round2(a.opsPerSec / b.opsPerSec),
    p50Ratio: round2(a.p50Us / b.p50Us),
    p99Ratio: round2(a.p99Us / b.p99Us),
    environment: describeEnvironment(fsync),
  };
}

export function formatComparison(comparison: Comparison, format: OutputFormat): string {
  if (format === "json") {
    return JSON.stringify(comparison, null, 2);
  }
  const { ours, peer } = comparison;
  const line = (side: Side) =>
    `${grouped(side.opsPerSec)}/s  p50 ${grouped(side.p50Us)} us  p99 ${grouped(side.p99Us)} us  p99.9 ${grouped(side.p999Us)} us  errors ${side.errors}`;
  return alignRows([
    ["workload", `${comparison.workload} ${JSON.stringify(comparison.config)}`],
    ["ours", line(ours)],
    ["peer", line(peer)],
    ["throughput ratio", String(comparison.ratio)],
    ["p50 ratio", String(comparison.p50Ratio)],
    ["p99 ratio", String(comparison.p99Ratio)],
    ["environment", JSON.stringify(comparison.environment)],
  ]);
}

function medianOf(results: readonly Side[]): Side {
  const median = (pick: (result: Side) => number): number => {
    const sorted = results.map(pick).toSorted((x, y) => x - y);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  };
  return {
    opsPerSec: median((result) => result.opsPerSec),
    p50Us: median((result) => result.p50Us),
    p99Us: median((result) => result.p99Us),
    p999Us: median((result) => result.p999Us),
    maxUs: median((result) => result.maxUs),
    errors: results.reduce((sum, result) => sum + result.errors, 0),
  };
}

function round2(value: number): number {
  return value >= 0.1 ? Math.round(value * 100) / 100 : Math.round(value * 10_000) / 10_000;
}
