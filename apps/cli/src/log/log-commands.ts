import { Option } from "commander";
import type { Command } from "commander";
import { KV_GROUP_ID } from "@dt/server";
import type { CliContext } from "../cli-context.ts";
import { positiveInteger } from "../cluster/connect.ts";
import { adoptDirectory } from "./adopt.ts";
import { collectMembers } from "../cluster/member-argument.ts";
import { dumpLog } from "./dump.ts";
import { recoverGroup } from "./recover.ts";
import { repairDirectory } from "./repair.ts";
import { verifyDirectories } from "./verify.ts";

export function registerLogCommands(program: Command, context: CliContext): void {
  const log = program
    .command("log")
    .description(
      "look into data directories, also those of running nodes; only repair, adopt and recover change something, and only with --yes or --confirm",
    );

  log
    .command("verify")
    .description(
      "check every entry, and that copies of several nodes are equal; exits with 1 if not",
    )
    .argument("<dir...>", "data directories, such as .dt-data/node-*")
    .addOption(outputOption())
    .action((directories, options) => verifyDirectories(context, directories, options));

  log
    .command("dump")
    .description("print the entries of one node")
    .argument("<dir>", "data directory")
    .option("--group <id>", "raft group", positiveInteger, KV_GROUP_ID)
    .option("--from <index>", "first entry to print", positiveInteger, 1)
    .option("--to <index>", "last entry to print", positiveInteger)
    .option("--proto <file>", "decode the payloads of normal entries: the .proto file")
    .option("--message <type>", "with --proto: the type of the payloads")
    .addOption(outputOption())
    .action((directory, options) => dumpLog(context, directory, options));

  log
    .command("repair")
    .description(
      "bring a data directory that nobody uses in order: torn ends, leftovers, the journal; without --yes only say what would be done",
    )
    .argument("<dir>", "data directory")
    .option("--dry-run", "change nothing, which is the default", false)
    .option("--yes", "do it", false)
    .addOption(outputOption())
    .action((directory, options) => repairDirectory(context, directory, options));

  log
    .command("adopt")
    .description(
      "take over a copy of a node's data directory, such as one from a backup, whose original is gone for good; without --yes only say whether it is one",
    )
    .argument("<dir>", "data directory")
    .option("--yes", "do it", false)
    .action((directory, options) => adoptDirectory(context, directory, options));

  log
    .command("recover")
    .description(
      "make survivors the whole group when a majority of its voters is gone for good; only says what it would do without --confirm",
    )
    .argument("<dir>", "data directory of a survivor, of a node that is stopped")
    .option("--group <id>", "raft group", positiveInteger, KV_GROUP_ID)
    .requiredOption(
      "--keep <id=host:port>",
      "a voter that is left, this node among them; repeat it",
      collectMembers,
      [],
    )
    .option(
      "--start <id=host:port>",
      "a member that the group began with, when its members were never changed; repeat it",
      collectMembers,
      [],
    )
    .option("--confirm <sentence>", "do it: the sentence that is asked for without")
    .action((directory, options) => recoverGroup(context, directory, options));
}

function outputOption(): Option {
  return new Option("-o, --output <format>", "how to print")
    .choices(["table", "json"])
    .default("table");
}
