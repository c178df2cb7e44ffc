import { inspectSnapshots, verifySnapshot } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliExit } from "../exit-code.ts";
import { findDataDirectory } from "../log/data-directory.ts";
import { formatJson, formatTable } from "../output.ts";
import { startProgress } from "../progress.ts";
import { print } from "../terminal.ts";

interface InspectOptions {
  readonly output: "table" | "json";
}

interface Row {
  readonly groupId: number;
  readonly id: string;
  readonly index: number;
  readonly term: number;
  readonly bytes: number;
  readonly time: string;
  readonly path: string;
  readonly state: string;
}

/** Ends with 1 when a directory cannot be used. */
export async function listSnapshots(
  context: CliContext,
  name: string,
  options: InspectOptions,
): Promise<void> {
  await show(context, name, options, () => Promise.resolve("finished"));
}

/** Ends with 1 when a snapshot is damaged. */
export async function verifySnapshots(
  context: CliContext,
  name: string,
  options: InspectOptions,
): Promise<void> {
  const { cwd, stderr } = context.terminal;
  const directory = findDataDirectory(cwd, name);
  const { snapshots } = await inspectSnapshots(directory);
  const total = snapshots.reduce((sum, { meta }) => sum + meta.byteLength, 0);
  const progress = startProgress(stderr, "snapshots", total);
  try {
    await show(context, name, options, async (groupId, id) => {
      const fault = await verifySnapshot(directory, groupId, id, (bytes) =>
        progress.advance(bytes),
      );
      return fault === null ? "good" : fault.code;
    });
  } finally {
    progress.stop();
  }
}

async function show(
  context: CliContext,
  name: string,
  options: InspectOptions,
  stateOf: (groupId: number, id: string) => Promise<string>,
): Promise<void> {
  const { cwd, stdout } = context.terminal;
  const found = await inspectSnapshots(findDataDirectory(cwd, name));
  const rows: Row[] = [];
  for (const { groupId, meta, path } of found.snapshots) {
    const { id, index, term, byteLength: bytes, timestampMs } = meta;
    const time = new Date(timestampMs).toISOString();
    rows.push({ groupId, id, index, term, bytes, time, path, state: await stateOf(groupId, id) });
  }
  const { damaged, leftovers } = found;
  await print(
    stdout,
    options.output === "json"
      ? formatJson({ snapshots: rows, damaged, leftovers })
      : describe(rows, damaged, leftovers),
  );
  if (damaged.length > 0 || rows.some(({ state }) => state.startsWith("DT_"))) {
    context.exitCode = CliExit.failed;
  }
}

function describe(
  rows: readonly Row[],
  damaged: readonly string[],
  leftovers: readonly string[],
): string {
  const table = formatTable(
    ["group", "index", "term", "bytes", "time", "id", "state"],
    rows.map((row) => [row.groupId, row.index, row.term, row.bytes, row.time, row.id, row.state]),
  );
  const notes = [
    ...damaged.map((path) => `damaged: ${path}\n`),
    ...leftovers.map((path) => `not finished: ${path}\n`),
  ];
  return `${table}${notes.join("")}`;
}
