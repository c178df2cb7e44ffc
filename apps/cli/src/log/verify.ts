import { relative } from "node:path";
import { verifyLogs } from "@dt/raft-log-file";
import type { LogVerification, VerifiedCopy } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliExit } from "../exit-code.ts";
import { formatJson, formatTable } from "../output.ts";
import { print } from "../terminal.ts";
import { findDataDirectory } from "./data-directory.ts";
import { withSegmentBar } from "./segment-bar.ts";

interface VerifyOptions {
  readonly output: "table" | "json";
}

export async function verifyDirectories(
  context: CliContext,
  names: readonly string[],
  options: VerifyOptions,
): Promise<void> {
  const { cwd, stdout, stderr } = context.terminal;
  const directories = names.map((name) => findDataDirectory(cwd, name));
  const groups = await withSegmentBar(stderr, "segments", (fileSystem, onProgress) =>
    verifyLogs(directories, fileSystem, onProgress),
  );
  const text =
    options.output === "json"
      ? formatJson(groups)
      : groups.map((group) => describeGroup(group, directories.length, cwd)).join("\n");
  await print(stdout, text);
  if (!groups.every(isSound)) {
    context.exitCode = CliExit.failed;
  }
}

/** Ends that differ in what was never committed are how a cluster looks after a crash. */
function isSound({ copies, difference }: LogVerification): boolean {
  return (
    copies.every(({ damage }) => damage === null) &&
    (difference === null || (difference.kind === "term" && !difference.isCommitted))
  );
}

function describeGroup(group: LogVerification, wanted: number, cwd: string): string {
  const { groupId, copies, equalTo, difference } = group;
  const table = formatTable(
    ["group", "directory", "first", "last", "commit", "state"],
    copies.map((copy) => [
      groupId,
      relative(cwd, copy.directory) || ".",
      copy.firstIndex,
      copy.lastIndex,
      copy.commitIndex,
      describeState(copy),
    ]),
  );
  const notes: string[] = [];
  if (copies.length < wanted) {
    notes.push(`${wanted - copies.length} of the directories have no copy of group ${groupId}`);
  }
  if (copies.length > 1) {
    notes.push(`equal up to index ${equalTo}`);
  }
  if (difference !== null) {
    const { index, kind, isCommitted } = difference;
    const what = kind === "content" ? "have different bytes in one term" : "are of different terms";
    notes.push(
      `entries ${index} ${what}, ${isCommitted ? "and the index is committed" : "not known to be committed"}`,
    );
  }
  return `${table}${notes.map((note) => `${note}\n`).join("")}`;
}

function describeState({ damage }: VerifiedCopy): string {
  if (damage === null) {
    return "good";
  }
  return damage.code === "DT_LOG_CORRUPT"
    ? `${damage.code}: ${damage.file} at offset ${damage.offset}: ${damage.reason}`
    : damage.code;
}
