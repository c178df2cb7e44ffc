import { Option } from "commander";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { positiveInteger } from "../cluster/connect.ts";
import { replay } from "./replay.ts";

export function registerRpcCommands(program: Command, context: CliContext): void {
  const rpc = program.command("rpc").description("recorded traffic of rpc servers");

  rpc
    .command("replay")
    .description(
      "send the requests of a recording to a server and compare the answers; exits with 1 if they differ",
    )
    .argument("<file>", "recording, as a TrafficRecorder of @dt/rpc writes it")
    .requiredOption("--endpoint <address>", "server to ask, host:port")
    .addOption(
      new Option("--speed <pace>", "at the pace of the recording, or as fast as possible")
        .choices(["recorded", "max"])
        .default("max"),
    )
    .option("--in-flight <n>", "calls under way at a time", positiveInteger, 1000)
    .option("--timeout <ms>", "of each call, milliseconds", positiveInteger, 10_000)
    .addOption(
      new Option("-o, --output <format>", "how to print")
        .choices(["table", "json"])
        .default("table"),
    )
    .action((file, options) => replay(context, file, options));
}
