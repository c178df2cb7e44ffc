import { Command, InvalidArgumentError, Option } from "commander";
import { defaultDirectory } from "./kv-target.ts";
import { formatReport } from "./report.ts";
import type { OutputFormat, Report } from "./report.ts";

/** A write was lost, or logs differ. */
export const EXIT_LOST = 1;
/** What is needed to measure is not installed. */
export const EXIT_MISSING = 69;

/** The options that most workloads have. */
export interface Common {
  readonly seconds: number;
  readonly inFlight: number;
  readonly output: OutputFormat;
  readonly dir: string;
  readonly nodeFlags: string;
}

export function common(name: string, description: string, inFlight: number): Command {
  return new Command(name)
    .description(description)
    .option("--seconds <s>", "length of the measurement", duration, 10)
    .option("--in-flight <n>", "operations under way at any time", positive, inFlight)
    .option("--dir <path>", "where to keep data; on a real disk", defaultDirectory())
    .option("--node-flags <flags>", "flags for Node in the server processes", "")
    .addOption(outputOption());
}

export function outputOption(): Option {
  return new Option("-o, --output <format>", "output").choices(["table", "json"]).default("table");
}

export function print(report: Report, output: OutputFormat): void {
  process.stdout.write(`${formatReport(report, output)}\n`);
}

export function fail(problems: readonly string[]): void {
  for (const problem of problems) {
    process.stderr.write(`${problem}\n`);
  }
  if (problems.length > 0) {
    process.exitCode = EXIT_LOST;
  }
}

export function flags(options: Common): string[] {
  return options.nodeFlags.split(" ").filter((flag) => flag !== "");
}

export function positive(text: string): number {
  return integer(text, 1, 10_000_000);
}

/** A value holds the number of its write. */
export function valueBytes(text: string): number {
  return integer(text, 16, 1 << 20);
}

export function natural(text: string): number {
  return integer(text, 0, 1e6);
}

export function duration(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 86_400)) {
    throw new InvalidArgumentError("not a number of seconds, 0 to 86400");
  }
  return value;
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(`not an integer within ${min}..${max}`);
  }
  return value;
}
