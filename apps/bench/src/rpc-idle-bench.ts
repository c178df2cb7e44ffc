import { BenchChild } from "./bench-child.ts";
import { pause } from "./closed-loop.ts";
import type { HostPort } from "./echo-caller.ts";
import { describeEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import type { MemorySample } from "./memory-sample.ts";
import { openFilesLimit, openFilesProblem } from "./open-files.ts";
import { ProcessorShare } from "./processor-time.ts";
import type { IdleClientOptions } from "./rpc-idle-clients.ts";

export interface IdleBenchOptions {
  readonly connections: number;
  /** How long they idle. */
  readonly seconds: number;
}

/** One look at a process with idle connections. */
export interface IdleSample {
  readonly memory: MemorySample;
  readonly connections: number;
  /** Sent and received so far; counted by the server only. */
  readonly frames: number;
  readonly bytes: number;
}

export interface IdleReport {
  readonly workload: string;
  readonly connections: number;
  readonly seconds: number;
  /** Heap and buffers for each connection, in bytes. */
  readonly serverHeapPerConnection: number;
  readonly clientHeapPerConnection: number;
  /** What the kernel and the allocator add is in here. */
  readonly serverRssPerConnection: number;
  /** Frames that the server sends and receives for a connection in a second: pings and their answers. */
  readonly framesPerConnectionPerSecond: number;
  readonly bytesPerConnectionPerSecond: number;
  readonly serverCores: number | null;
  readonly clientCores: number | null;
  readonly environment: Environment;
  /** What must not be; empty when all is well. */
  readonly problems: readonly string[];
}

/** Heap that an idle connection may take at each end. */
export const IDLE_HEAP_LIMIT_BYTES = 32 * 1024;
/** Each side pings after 5 s of silence, and a ping of either is a sign of life for both. */
const FRAMES_LIMIT_PER_SECOND = 0.8;
const FLAGS = ["--expose-gc"];

/** Many connections that do nothing, in a server and a client process. Throws when the system allows too few files. */
export async function runIdleBench(options: IdleBenchOptions): Promise<IdleReport> {
  const { connections, seconds } = options;
  const problem = openFilesProblem(connections, openFilesLimit());
  if (problem !== null) {
    throw new Error(problem);
  }
  const server = new BenchChild("rpc-idle-server", "", FLAGS);
  try {
    const address = await server.next<HostPort>();
    const before = await server.ask<IdleSample>("sample");
    const clientOptions: IdleClientOptions = { address, connections };
    const clients = new BenchChild("rpc-idle-clients", JSON.stringify(clientOptions), FLAGS);
    try {
      const clientBefore = await clients.next<MemorySample>();
      const start = await server.ask<IdleSample>("sample");
      const clientStart = await clients.ask<IdleSample>("sample");
      const serverShare = new ProcessorShare([server.pid]);
      const clientShare = new ProcessorShare([clients.pid]);
      const startMs = performance.now();
      await pause(seconds * 1000);
      const [serverCores, clientCores] = [serverShare.cores(), clientShare.cores()];
      const end = await server.ask<IdleSample>("sample");
      const clientEnd = await clients.ask<IdleSample>("sample");
      const connectionSeconds = (connections * (performance.now() - startMs)) / 1000;
      const perConnection = (after: number, earlier: number): number =>
        Math.round((after - earlier) / connections);
      const figures = {
        serverHeapPerConnection: perConnection(end.memory.heapBytes, before.memory.heapBytes),
        clientHeapPerConnection: perConnection(clientEnd.memory.heapBytes, clientBefore.heapBytes),
        serverRssPerConnection: perConnection(end.memory.rssBytes, before.memory.rssBytes),
        framesPerConnectionPerSecond: round3((end.frames - start.frames) / connectionSeconds),
        bytesPerConnectionPerSecond: round3((end.bytes - start.bytes) / connectionSeconds),
      };
      return {
        workload: "rpc idle connections",
        connections,
        seconds,
        ...figures,
        serverCores,
        clientCores,
        environment: describeEnvironment("none"),
        problems: problemsOf(connections, figures, [start, clientStart, end, clientEnd]),
      };
    } finally {
      await clients.stop();
    }
  } finally {
    await server.stop();
  }
}

type Figures = Pick<
  IdleReport,
  "serverHeapPerConnection" | "clientHeapPerConnection" | "framesPerConnectionPerSecond"
>;

function problemsOf(
  connections: number,
  figures: Figures,
  samples: readonly IdleSample[],
): readonly string[] {
  const problems: string[] = [];
  const lost = samples.find((sample) => sample.connections !== connections);
  if (lost !== undefined) {
    problems.push(`${lost.connections} of ${connections} connections were open`);
  }
  for (const name of ["serverHeapPerConnection", "clientHeapPerConnection"] as const) {
    if (figures[name] > IDLE_HEAP_LIMIT_BYTES) {
      problems.push(`${name}: ${figures[name]} bytes, the limit is ${IDLE_HEAP_LIMIT_BYTES}`);
    }
  }
  const frames = figures.framesPerConnectionPerSecond;
  if (frames > FRAMES_LIMIT_PER_SECOND) {
    problems.push(
      `${frames} frames per connection and second, the limit is ${FRAMES_LIMIT_PER_SECOND}`,
    );
  }
  return problems;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
