import { BenchChild } from "./bench-child.ts";
import { pause } from "./closed-loop.ts";
import type { HostPort } from "./echo-caller.ts";
import { describeEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import type { MemorySample } from "./memory-sample.ts";
import type { SoakClientOptions } from "./rpc-soak-client.ts";
import type { SoakTally } from "./soak-load.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly connections: number;
  readonly size: number;
  /** Share of the full load, 0 to 1. */
  readonly load: number;
  /** Time between two cuts. */
  readonly cutEveryMs: number;
  /** Called for each point of the curve. */
  readonly onSample: (point: SoakPoint) => void;
}

export interface SoakServerSample {
  readonly memory: MemorySample;
  readonly connections: number;
  /** Calls that were handled twice. */
  readonly doubled: number;
  readonly cuts: number;
}

export interface SoakClientSample extends SoakTally {
  readonly memory: MemorySample;
  readonly connections: number;
}

/** A point of the curve. */
export interface SoakPoint {
  readonly second: number;
  readonly cuts: number;
  readonly started: number;
  readonly replied: number;
  readonly failed: number;
  readonly clientHeapBytes: number;
  readonly serverHeapBytes: number;
}

export interface SoakReport {
  readonly workload: string;
  readonly seconds: number;
  readonly connections: number;
  readonly ratePerSec: number;
  readonly cuts: number;
  readonly tally: SoakTally;
  readonly curve: readonly SoakPoint[];
  /** When all its connections are closed. */
  readonly clientHeapAtEndBytes: number;
  readonly environment: Environment;
  /** What must not be; empty when all is well. */
  readonly problems: readonly string[];
}

/** Of the curve; a short run has one for each second, each costs a collection of garbage in both processes. */
const MAX_POINTS = 30;
const MIN_POINTS = 3;
const FLAGS = ["--expose-gc"];
/** The heap is flat when the last third of the curve is no more than this above the first one after the warm-up. */
/** A shorter run ends before the heap has found its size. */
const GROWTH_SECONDS = 30;
const GROWTH_SHARE = 0.1;
const GROWTH_BYTES = 2 * 1024 * 1024;
/** Standard streams and the channel to the parent. */
const OWN_RESOURCES: readonly string[] = ["PipeWrap", "TTYWrap", "FileHandle", "Immediate"];

/**
 * Calls at a steady rate while connections are cut at random from either side. Every call is accounted for: it was
 * answered, or failed with a code, and what is said not to have been executed was not.
 */
export async function runSoakBench(options: SoakOptions): Promise<SoakReport> {
  const { connections, size, load, seconds } = options;
  const server = new BenchChild("rpc-soak-server", "", FLAGS);
  try {
    const address = await server.next<HostPort>();
    const clientOptions: SoakClientOptions = { address, connections, size, load };
    const client = new BenchChild("rpc-soak-client", JSON.stringify(clientOptions), FLAGS);
    try {
      const ratePerSec = await client.next<number>();
      const curve = await follow(server, client, options);
      const end = await client.ask<SoakClientSample>("finish");
      const serverEnd = await server.ask<SoakServerSample>("sample");
      return {
        workload: "rpc soak",
        seconds,
        connections,
        ratePerSec,
        cuts: curve.at(-1)?.cuts ?? 0,
        tally: tallyOf(end),
        curve,
        clientHeapAtEndBytes: end.memory.heapBytes,
        environment: describeEnvironment("none"),
        problems: [
          ...outcomeProblems(end, serverEnd),
          ...(seconds < GROWTH_SECONDS ? [] : growthProblems(curve)),
        ],
      };
    } finally {
      await client.stop();
    }
  } finally {
    await server.stop();
  }
}

/** Cuts connections and takes the points of the curve. */
async function follow(
  server: BenchChild,
  client: BenchChild,
  options: SoakOptions,
): Promise<SoakPoint[]> {
  const { seconds, cutEveryMs, onSample } = options;
  const curve: SoakPoint[] = [];
  const startMs = performance.now();
  const points = Math.min(MAX_POINTS, Math.max(MIN_POINTS, Math.floor(seconds)));
  const everyMs = (seconds * 1000) / points;
  let cuts = 0;
  for (let point = 1; point <= points; point++) {
    for (;;) {
      const elapsedMs = performance.now() - startMs;
      const nextMs = Math.min(point * everyMs, (cuts + 1) * cutEveryMs);
      await pause(Math.max(0, nextMs - elapsedMs));
      if (nextMs === point * everyMs) {
        break;
      }
      (cuts++ % 2 === 0 ? server : client).tell("cut");
    }
    const near = await client.ask<SoakClientSample>("sample");
    const far = await server.ask<SoakServerSample>("sample");
    const sample: SoakPoint = {
      second: Math.round((point * everyMs) / 100) / 10,
      cuts,
      started: near.started,
      replied: near.replied,
      failed: sum(near.failed),
      clientHeapBytes: near.memory.heapBytes,
      serverHeapBytes: far.memory.heapBytes,
    };
    curve.push(sample);
    onSample(sample);
  }
  return curve;
}

function tallyOf(end: SoakClientSample): SoakTally {
  const { started, replied, failed, wrong, promisesChecked, promisesBroken } = end;
  return { started, replied, failed, wrong, promisesChecked, promisesBroken };
}

function outcomeProblems(end: SoakClientSample, server: SoakServerSample): string[] {
  const problems: string[] = [];
  const lost = end.started - end.replied - sum(end.failed);
  const counts: readonly (readonly [number, string])[] = [
    [lost, "calls have no outcome"],
    [end.wrong, "replies were those of other calls"],
    [end.promisesBroken, "calls were executed that are said not to have been"],
    [server.doubled, "calls were handled twice"],
    [server.connections, "connections are left on the server"],
  ];
  for (const [count, text] of counts) {
    if (count !== 0) {
      problems.push(`${count} ${text}`);
    }
  }
  const left = end.memory.resources.filter((name) => !OWN_RESOURCES.includes(name));
  if (left.length > 0) {
    problems.push(`the client still has ${left.join(", ")}`);
  }
  return problems;
}

/** The first fifth of the curve is warm-up. */
export function growthProblems(curve: readonly SoakPoint[]): string[] {
  const settled = curve.slice(Math.floor(curve.length / 5));
  const third = Math.ceil(settled.length / 3);
  return (["clientHeapBytes", "serverHeapBytes"] as const).flatMap((name) => {
    const first = median(settled.slice(0, third).map((point) => point[name]));
    const last = median(settled.slice(-third).map((point) => point[name]));
    return last > first * (1 + GROWTH_SHARE) + GROWTH_BYTES
      ? [`${name} grew from ${first} to ${last}`]
      : [];
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
