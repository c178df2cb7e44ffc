import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { grouped } from "./report.ts";

const runFile = promisify(execFile);

/** What is recorded: file name and the arguments behind `dt bench`. */
const RECORDED: readonly (readonly [string, string])[] = [
  ["rpc-1000", "rpc --in-flight 1000"],
  ["rpc-1", "rpc --in-flight 1"],
  ["log-2000", "log --in-flight 2000"],
  ["log-1", "log --in-flight 1"],
  ["raft-core", "raft"],
  ["kv-put-1-node", "kv --op put --value-size 256 --in-flight 2000 --nodes 1"],
  ["kv-put-3-nodes", "kv --op put --value-size 256 --in-flight 2000 --nodes 3"],
  ["kv-get-1-node", "kv --op get --value-size 256 --in-flight 2000 --nodes 1"],
  ["kv-put-depth-1", "kv --op put --value-size 256 --in-flight 1 --nodes 1"],
];

export interface RecordOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Only files whose name contains this. */
  readonly only: string;
  readonly onProgress: (line: string) => void;
}

interface Recorded {
  readonly command: string;
  readonly opsPerSec: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly errors: number;
  readonly clientCores?: number | null;
  readonly serverCores?: number | null;
  readonly environment: { readonly fsync: string };
}

/** Runs the workloads, each in processes of its own; of several rounds the one with the median throughput is kept. */
export async function recordResults(options: RecordOptions): Promise<void> {
  const { directory, rounds, seconds, only, onProgress } = options;
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of RECORDED.filter(([each]) => each.includes(only))) {
    const command = `${text} --seconds ${seconds}`;
    const runs: Recorded[] = [];
    for (let round = 0; round < rounds; round++) {
      runs.push(await runOnce(command));
    }
    runs.sort((a, b) => a.opsPerSec - b.opsPerSec);
    const median = runs[Math.floor(runs.length / 2)];
    const kept = { command: `dt bench ${command}`, rounds, ...median };
    writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(kept, null, 2)}\n`);
    onProgress(`${name}: ${grouped(median?.opsPerSec ?? 0)}/s`);
  }
}

async function runOnce(command: string): Promise<Recorded> {
  const [, program = ""] = process.argv;
  const args = [program, "bench", ...command.split(" "), "-o", "json"];
  const { stdout } = await runFile(process.execPath, args, { maxBuffer: 1 << 24 });
  return JSON.parse(stdout) as Recorded;
}

/** The recorded figures as a table in Markdown. */
export function formatResults(directory: string): string {
  const rows = readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(join(directory, file), "utf8")) as Recorded)
    .filter((recorded) => recorded.command !== undefined)
    .map((recorded) =>
      [
        `\`${recorded.command}\``,
        recorded.environment.fsync,
        grouped(recorded.opsPerSec),
        [recorded.p50Us, recorded.p99Us, recorded.p999Us].map(grouped).join(" / "),
        `${recorded.clientCores ?? "-"} / ${recorded.serverCores ?? "-"}`,
        recorded.errors,
      ].join(" | "),
    );
  return [
    "| command | fsync | operations/s | p50 / p99 / p99.9 us | cores of client / servers | errors |",
    "|---|---|---|---|---|---|",
    ...rows.map((row) => `| ${row} |`),
  ].join("\n");
}
