import { Command, Option } from "commander";
import {
  EXIT_MISSING,
  common,
  duration,
  fail,
  flags,
  positive,
  print,
  valueBytes,
} from "./command-options.ts";
import type { Common } from "./command-options.ts";
import { compareWithEtcd } from "./compare-etcd.ts";
import { formatComparison } from "./comparison.ts";
import { runCrashBench } from "./crash-bench.ts";
import { ETCD_MISSING, isEtcdInstalled } from "./etcd-target.ts";
import { runKvBench } from "./kv-bench.ts";
import type { KvOperation } from "./kv-load.ts";
import { defaultDirectory } from "./kv-target.ts";
import { logCommands } from "./log-commands.ts";
import { powerLossCommand } from "./power-loss-command.ts";
import { runRaftBench } from "./raft-bench.ts";
import { formatResults, recordResults } from "./record.ts";
import { compareGrpcCommand, rpcCommands } from "./rpc-commands.ts";

/** Adds `bench` and its workloads to a program. */
export function registerBenchCommands(program: Command): void {
  const bench = program
    .command("bench")
    .description("measure this machine: throughput and latency, with their environment");
  for (const command of rpcCommands()) {
    bench.addCommand(command);
  }
  for (const command of logCommands()) {
    bench.addCommand(command);
  }
  bench.addCommand(raftCommand());
  bench.addCommand(kvCommand());
  bench.addCommand(compareCommand());
  bench.addCommand(crashCommand());
  bench.addCommand(powerLossCommand());
  bench.addCommand(recordCommand());
}

function raftCommand(): Command {
  return common("raft", "the bare core of a group in one process, without network and disk", 4096)
    .option("--size <bytes>", "bytes of a payload", positive, 256)
    .option("--nodes <n>", "members of the group", positive, 3)
    .action((options: Common & { size: number; nodes: number }) => {
      const { size, inFlight, seconds, nodes } = options;
      print(runRaftBench({ size, inFlight, seconds, nodes }), options.output);
    });
}

interface KvFlags extends Common {
  readonly op: KvOperation;
  readonly valueSize: number;
  readonly keys: number;
  readonly nodes: number;
  readonly endpoints: string;
  readonly verify: boolean;
  readonly killLeaderAfter: number;
  readonly transfers: number;
  readonly replaceMembers: boolean;
}

function kvCommand(): Command {
  return common("kv", "writes and reads of the config center, through its client", 2000)
    .addOption(new Option("--op <op>", "operation").choices(["put", "get", "mixed"]).default("put"))
    .option("--value-size <bytes>", "bytes of a value", valueBytes, 256)
    .option("--keys <n>", "different keys", positive, 100_000)
    .option("--nodes <n>", "server processes to start", positive, 1)
    .option("--endpoints <list>", "measure these servers instead: host:port,...", "")
    .option("--verify", "read every key back at the end and compare", false)
    .option("--kill-leader-after <s>", "kill -9 the leader's process after so long", duration, 0)
    .option("--transfers <n>", "hand the leadership on so many times under load", duration, 0)
    .option("--replace-members", "replace every member by a fresh node under load", false)
    .action(async (options: KvFlags) => {
      const { report, problems } = await runKvBench({
        ...options,
        directory: options.dir,
        nodeFlags: flags(options),
      });
      print(report, options.output);
      fail(problems);
    });
}

function compareCommand(): Command {
  const etcd = common("etcd", "the same writes against etcd, in turn", 1000)
    .option("--value-size <bytes>", "bytes of a value", valueBytes, 256)
    .option("--keys <n>", "different keys", positive, 10_000)
    .option("--nodes <n>", "server processes on each side", positive, 1)
    .option("--rounds <n>", "rounds of each side; the median counts", positive, 3)
    .action(
      async (
        options: Common & { valueSize: number; keys: number; nodes: number; rounds: number },
      ) => {
        if (!isEtcdInstalled()) {
          process.stderr.write(`${ETCD_MISSING}\n`);
          process.exitCode = EXIT_MISSING;
          return;
        }
        const comparison = await compareWithEtcd({ ...options, directory: options.dir });
        process.stdout.write(`${formatComparison(comparison, options.output)}\n`);
      },
    );
  return new Command("compare")
    .description("measure a peer in the same run")
    .addCommand(etcd)
    .addCommand(compareGrpcCommand());
}

interface CrashFlags {
  readonly rounds: number;
  readonly nodes: number;
  readonly keys: number;
  readonly inFlight: number;
  readonly valueSize: number;
  readonly dir: string;
}

function crashCommand(): Command {
  return new Command("crash")
    .description(
      "kill -9 every process under load, again and again, and look for what was acknowledged",
    )
    .option("--rounds <n>", "kills", positive, 20)
    .option("--nodes <n>", "server processes", positive, 3)
    .option("--keys <n>", "different keys", positive, 20_000)
    .option("--in-flight <n>", "writes under way", positive, 500)
    .option("--value-size <bytes>", "bytes of a value", valueBytes, 256)
    .option("--dir <path>", "where to keep the data; on a real disk", defaultDirectory())
    .action(async (options: CrashFlags) => {
      const problems = await runCrashBench({
        ...options,
        directory: options.dir,
        minRunMs: 200,
        maxRunMs: 1500,
        onRound: ({ round, ranMs, acknowledged, recoveredMs, problems: found }) => {
          process.stdout.write(
            `round ${round} of ${options.rounds}: killed after ${ranMs} ms, ${acknowledged} acknowledged, served again after ${recoveredMs} ms, ${found.length} lost\n`,
          );
        },
        onCompared: ({ equalEntries, firstIndexes }) => {
          process.stdout.write(
            `the logs begin at ${firstIndexes.join(", ")} and share ${equalEntries} entries, all equal\n`,
          );
        },
      });
      fail(problems);
    });
}

interface RecordFlags {
  readonly out: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly only: string;
}

function recordCommand(): Command {
  return new Command("record")
    .description(
      "run the standard workloads, keep the median of each as JSON and print them as a table",
    )
    .requiredOption("--out <path>", "directory of the JSON files")
    .option("--rounds <n>", "runs of each workload", positive, 3)
    .option("--seconds <s>", "length of each measurement", duration, 10)
    .option("--only <text>", "only workloads whose name contains this", "")
    .action(async (options: RecordFlags) => {
      await recordResults({
        ...options,
        directory: options.out,
        onProgress: (line) => process.stderr.write(`${line}\n`),
      });
      process.stdout.write(`${formatResults(options.out)}\n`);
    });
}
