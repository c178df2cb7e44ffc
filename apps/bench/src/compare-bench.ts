import { randomBytes } from "node:crypto";
import { runClosedLoop } from "./closed-loop.ts";
import type { LoopResult, Operation } from "./closed-loop.ts";
import { describeEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { EtcdTarget } from "./etcd-target.ts";
import { warmUpMs } from "./kv-bench.ts";
import { KvTarget } from "./kv-target.ts";
import { alignRows, grouped } from "./report.ts";
import type { OutputFormat } from "./report.ts";

export interface CompareOptions {
  readonly nodes: number;
  readonly valueSize: number;
  readonly inFlight: number;
  /** Seconds of each round. */
  readonly seconds: number;
  /** Rounds of each side, in turn. */
  readonly rounds: number;
  readonly keys: number;
  readonly directory: string;
}

type Side = Pick<LoopResult, "opsPerSec" | "p50Us" | "p99Us" | "p999Us" | "maxUs" | "errors">;

export interface Comparison {
  readonly workload: string;
  readonly config: Readonly<Record<string, string | number>>;
  /** Medians over the rounds. */
  readonly ours: Side;
  readonly peer: Side;
  /** Throughput, ours to the peer's: above 1 we are faster. */
  readonly ratio: number;
  /** Latency, ours to the peer's: below 1 we are faster. */
  readonly p50Ratio: number;
  readonly p99Ratio: number;
  readonly environment: Environment;
}

/** The same writes against this project and against etcd, in the same run, in turn. */
export async function compareWithEtcd(options: CompareOptions): Promise<Comparison> {
  const { nodes, valueSize, inFlight, seconds, rounds, keys, directory } = options;
  const names = Array.from({ length: keys }, (_, i) => `bench/key-${String(i).padStart(8, "0")}`);
  const value = randomBytes(valueSize);
  const ours: LoopResult[] = [];
  const peer: LoopResult[] = [];
  const loop = (operation: Operation) =>
    runClosedLoop(operation, {
      inFlight,
      warmUpMs: warmUpMs(seconds),
      measureMs: seconds * 1000,
    });
  const next = keyCycle(names);
  for (let round = 0; round < rounds; round++) {
    const target = await KvTarget.open({ nodes, endpoints: "", directory, nodeFlags: [] });
    try {
      ours.push(await loop(() => target.kv.put(next(), value)));
    } finally {
      await target.close();
    }
    const etcd = await EtcdTarget.open(nodes, directory);
    try {
      peer.push(await loop(() => etcd.put(next(), value)));
    } finally {
      await etcd.close();
    }
  }
  const a = medianOf(ours);
  const b = medianOf(peer);
  return {
    workload: "kv put",
    config: {
      nodes,
      valueSize,
      inFlight,
      seconds,
      rounds,
      keys,
      peer: "etcd, grpc-js client over 16 connections",
    },
    ours: a,
    peer: b,
    ratio: round2(a.opsPerSec / b.opsPerSec),
    p50Ratio: round2(a.p50Us / b.p50Us),
    p99Ratio: round2(a.p99Us / b.p99Us),
    environment: describeEnvironment("fsync"),
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
    ["etcd", line(peer)],
    ["throughput ratio", String(comparison.ratio)],
    ["p50 ratio", String(comparison.p50Ratio)],
    ["p99 ratio", String(comparison.p99Ratio)],
    ["environment", JSON.stringify(comparison.environment)],
  ]);
}

function keyCycle(keys: readonly string[]): () => string {
  let at = 0;
  return () => {
    at = at + 1 === keys.length ? 0 : at + 1;
    return keys[at] ?? "";
  };
}

function medianOf(results: readonly LoopResult[]): Side {
  const median = (pick: (result: LoopResult) => number): number => {
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
