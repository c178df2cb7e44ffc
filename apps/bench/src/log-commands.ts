import { Command, InvalidArgumentError, Option } from "commander";
import { common, positive, print } from "./command-options.ts";
import type { Common } from "./command-options.ts";
import { defaultDirectory } from "./kv-target.ts";
import { runLogBench } from "./log-bench.ts";
import { runLogGroupsBench } from "./log-groups-bench.ts";
import type { OutputFormat } from "./report.ts";
import { formatRestart, runRestartBench } from "./restart-bench.ts";

/** What is measured of the log on disk. */
export function logCommands(): Command[] {
  return [logCommand(), restartCommand()];
}

interface LogFlags extends Common {
  readonly size: number;
  readonly recycle: boolean;
  readonly groups: number;
  readonly rounds: number;
  readonly sync: string;
}

function logCommand(): Command {
  return common("log", "appends to one file log, beside the bare disk", 2000)
    .option("--size <bytes>", "bytes of a payload", positive, 256)
    .option("--recycle", "drop the head, so that segment files are used again", false)
    .option(
      "--groups <n>",
      "share the appends out among so many logs, beside one alone",
      positive,
      1,
    )
    .option("--rounds <n>", "with --groups: runs of each, in turn; the medians count", positive, 3)
    .option("--sync <way>", "with --groups: shared, or direct for a sync of each log", "shared")
    .action(async (options: LogFlags) => {
      const { size, inFlight, seconds, dir, recycle } = options;
      if (options.groups > 1) {
        print(await runLogGroupsBench({ ...options, directory: dir }), options.output);
        return;
      }
      const report = await runLogBench({ size, inFlight, seconds, directory: dir, recycle });
      print(report, options.output);
    });
}

interface RestartFlags {
  readonly gib: number;
  readonly tailGib: number;
  readonly size: number;
  readonly dir: string;
  readonly output: OutputFormat;
}

function restartCommand(): Command {
  return new Command("restart")
    .description(
      "build a log by appends, then open it as after an end and as after a crash, and start a group with it",
    )
    .option("--gib <n>", "GiB of log", gibibytes, 1)
    .option(
      "--tail-gib <n>",
      "GiB that are applied, as of a log without a newer snapshot",
      gibibytes,
      0.25,
    )
    .option("--size <bytes>", "bytes of a payload", positive, 256)
    .option("--dir <path>", "where to keep data; on a real disk", defaultDirectory())
    .addOption(
      new Option("-o, --output <format>", "output").choices(["table", "json"]).default("table"),
    )
    .action(async ({ gib, tailGib, size, dir: directory, output }: RestartFlags) => {
      const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
      const report = await runRestartBench({ gib, tailGib, size, directory, onProgress });
      process.stdout.write(`${formatRestart(report, output)}\n`);
    });
}

function gibibytes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1024)) {
    throw new InvalidArgumentError("not a number of GiB, up to 1024");
  }
  return value;
}
