import { Command } from "commander";
import {
  EXIT_MISSING,
  common,
  duration,
  fail,
  flags,
  natural,
  outputOption,
  positive,
  print,
} from "./command-options.ts";
import type { Common } from "./command-options.ts";
import { compareWithGrpc } from "./compare-grpc.ts";
import { formatComparison } from "./comparison.ts";
import { openFilesLimit, openFilesProblem } from "./open-files.ts";
import { alignRows, grouped } from "./report.ts";
import type { OutputFormat } from "./report.ts";
import { runRpcBench } from "./rpc-bench.ts";
import { runIdleBench } from "./rpc-idle-bench.ts";
import { runSoakBench } from "./rpc-soak-bench.ts";
import type { SoakPoint } from "./rpc-soak-bench.ts";

/** The workloads of the rpc layer alone. */
export function rpcCommands(): Command[] {
  return [rpcCommand(), idleCommand(), soakCommand()];
}

interface RpcFlags {
  readonly size: number;
  readonly groups: number;
  readonly tls: boolean;
  readonly rounds: number;
}

function rpcCommand(): Command {
  return common("rpc", "echo between two processes over one connection, beside bare sockets", 1000)
    .option("--size <bytes>", "bytes of a body", positive, 128)
    .option(
      "--groups <n>",
      "spread the calls over so many groups, and compare with one",
      natural,
      0,
    )
    .option("--tls", "over TLS, with the same without it beside", false)
    .option("--rounds <n>", "rounds of each kind; the median counts", positive, 1)
    .action(async (options: Common & RpcFlags) => {
      print(await runRpcBench({ ...options, nodeFlags: flags(options) }), options.output);
    });
}

interface IdleFlags {
  readonly connections: number;
  readonly seconds: number;
  readonly output: OutputFormat;
}

function idleCommand(): Command {
  return new Command("rpc-idle")
    .description("memory and traffic of many connections that do nothing")
    .option("--connections <n>", "connections", positive, 10_000)
    .option("--seconds <s>", "how long they idle", duration, 30)
    .addOption(outputOption())
    .action(async (options: IdleFlags) => {
      const problem = openFilesProblem(options.connections, openFilesLimit());
      if (problem !== null) {
        process.stderr.write(`${problem}\n`);
        process.exitCode = EXIT_MISSING;
        return;
      }
      const report = await runIdleBench(options);
      printObject({ ...report }, options.output);
      fail(report.problems);
    });
}

interface SoakFlags extends IdleFlags {
  readonly size: number;
  readonly load: number;
  readonly cutEvery: number;
}

function soakCommand(): Command {
  return new Command("rpc-soak")
    .description("calls at a steady rate while connections are cut at random, each accounted for")
    .option("--seconds <s>", "length of the run", duration, 600)
    .option("--connections <n>", "connections", positive, 8)
    .option("--size <bytes>", "bytes of a body", positive, 128)
    .option("--load <percent>", "share of what was measured as the full load", positive, 50)
    .option("--cut-every <s>", "time between two cuts", duration, 1)
    .addOption(outputOption())
    .action(async (options: SoakFlags) => {
      const report = await runSoakBench({
        ...options,
        load: options.load / 100,
        cutEveryMs: options.cutEvery * 1000,
        onSample: (point) => process.stderr.write(`${formatPoint(point)}\n`),
      });
      const { tally, curve, ...rest } = report;
      const more = options.output === "json" ? { tally, curve } : { ...tally };
      printObject({ ...rest, ...more }, options.output);
      fail(report.problems);
    });
}

function formatPoint(point: SoakPoint): string {
  const { second, cuts, replied, failed, clientHeapBytes, serverHeapBytes } = point;
  const heaps = [clientHeapBytes, serverHeapBytes].map((bytes) => (bytes / 2 ** 20).toFixed(1));
  return (
    `${second} s: ${cuts} cuts, ${grouped(replied)} replies, ${grouped(failed)} failures, ` +
    `heap of client and server ${heaps.join(" and ")} MiB`
  );
}

function printObject(values: Readonly<Record<string, unknown>>, output: OutputFormat): void {
  const text = (value: unknown): string =>
    typeof value === "string" ? value : JSON.stringify(value);
  process.stdout.write(
    output === "json"
      ? `${JSON.stringify(values, null, 2)}\n`
      : `${alignRows(Object.entries(values).map(([name, value]) => [name, text(value)]))}\n`,
  );
}

export function compareGrpcCommand(): Command {
  return common("grpc", "the same echo against @grpc/grpc-js, in turn", 1000)
    .option("--size <bytes>", "bytes of a body", positive, 128)
    .option("--rounds <n>", "rounds of each side; the median counts", positive, 3)
    .action(async (options: Common & { size: number; rounds: number }) => {
      const comparison = await compareWithGrpc({ ...options, nodeFlags: flags(options) });
      process.stdout.write(`${formatComparison(comparison, options.output)}\n`);
    });
}
