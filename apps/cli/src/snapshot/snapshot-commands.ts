import { Option } from "commander";
import type { Command } from "commander";
import { KV_GROUP_ID } from "@dt/server";
import type { CliContext } from "../cli-context.ts";
import { positiveInteger } from "../cluster/connect.ts";
import { listSnapshots, verifySnapshots } from "./inspect.ts";
import { restoreSnapshot } from "./restore.ts";
import { saveSnapshot } from "./save.ts";

export function registerSnapshotCommands(program: Command, context: CliContext): void {
  const snapshot = program
    .command("snapshot")
    .description("look into the snapshots of data directories, save them to files and back");
  snapshot
    .command("list")
    .description("print the snapshots of a node, also of a running one")
    .argument("<dir>", "data directory")
    .addOption(outputOption())
    .action((directory, options) => listSnapshots(context, directory, options));
  snapshot
    .command("verify")
    .description("read every block of every snapshot; exits with 1 when one is damaged")
    .argument("<dir>", "data directory")
    .addOption(outputOption())
    .action((directory, options) => verifySnapshots(context, directory, options));
  snapshot
    .command("save")
    .description("copy a snapshot, checked, to one file")
    .argument("<dir>", "data directory")
    .argument("<file>", "file to make; must not exist")
    .option("--group <id>", "raft group", positiveInteger, KV_GROUP_ID)
    .option("--id <id>", "which one; the newest without it")
    .action((directory, file, options) => saveSnapshot(context, directory, file, options));
  snapshot
    .command("restore")
    .description("add the snapshot of a file to a data directory that nobody uses; needs --yes")
    .argument("<dir>", "data directory")
    .argument("<file>", "file that save made")
    .option("--yes", "do it", false)
    .action((directory, file, options) => restoreSnapshot(context, directory, file, options));
}

function outputOption(): Option {
  return new Option("-o, --output <format>", "how to print")
    .choices(["table", "json"])
    .default("table");
}
