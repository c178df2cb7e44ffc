import { type LogRepair, planRepair, repairLogs } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { CliExit } from "../exit-code.ts";
import { formatJson, formatTable } from "../output.ts";
import { print } from "../terminal.ts";
import { findDataDirectory } from "./data-directory.ts";
import { withSegmentBar } from "./segment-bar.ts";

interface RepairOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly output: "table" | "json";
}

/** Ends with 1 when something is wrong that was not, or cannot be, put in order here. */
export async function repairDirectory(
  context: CliContext,
  name: string,
  options: RepairOptions,
): Promise<void> {
  if (options.dryRun && options.yes) {
    const message = "--dry-run and --yes exclude each other";
    throw new CliError({ code: "DT_CLI_USAGE", message });
  }
  const { cwd, stdout, stderr } = context.terminal;
  const directory = findDataDirectory(cwd, name);
  const repair = options.yes ? repairLogs : planRepair;
  const report = await withSegmentBar(stderr, "segments", (fileSystem, onProgress) =>
    repair(directory, fileSystem, onProgress),
  );
  const isUntouched = !options.yes && (report.hasJournal || report.groups.some(needsWork));
  const isDamaged = report.groups.some(
    ({ damaged, refusal }) => damaged.length > 0 || refusal !== null,
  );
  if (options.output === "json") {
    await print(stdout, formatJson({ isDone: options.yes, ...report }));
  } else {
    await print(stdout, describe(report.groups, report.hasJournal, options.yes));
    if (isUntouched) {
      await print(stdout, "nothing was changed; do it with --yes\n");
    }
  }
  if (isUntouched || isDamaged) {
    context.exitCode = CliExit.failed;
  }
}

function needsWork({ tornBytes, leftovers }: LogRepair): boolean {
  return tornBytes > 0 || leftovers.length > 0;
}

function describe(groups: readonly LogRepair[], hasJournal: boolean, isDone: boolean): string {
  const table = formatTable(
    ["group", "torn bytes", "leftovers", "state"],
    groups.map((group) => [
      group.groupId,
      group.tornBytes,
      group.leftovers.length,
      stateOf(group, isDone),
    ]),
  );
  const journal = isDone
    ? "the journal was copied to the segments"
    : "the journal holds flushes that belong into the segments";
  return hasJournal ? `${table}${journal}\n` : table;
}

function stateOf(group: LogRepair, isDone: boolean): string {
  const { damaged, refusal } = group;
  if (refusal !== null) {
    return refusal.code === "DT_LOG_CORRUPT"
      ? `${refusal.code}: ${refusal.file} at offset ${refusal.offset}: restore the replica from its peers`
      : refusal.code;
  }
  if (damaged.length > 0) {
    const ranges = damaged.map(({ firstIndex, lastIndex }) => `${firstIndex}-${lastIndex}`);
    return `entries ${ranges.join(", ")} are damaged: the node gets them from others when it starts`;
  }
  return needsWork(group) ? (isDone ? "repaired" : "to be repaired") : "good";
}
