import { resolve } from "node:path";
import { DataDirectory, nodeFileSystem, readIdentity } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { CliExit } from "../exit-code.ts";
import { findDataDirectory } from "../log/data-directory.ts";
import { startProgress } from "../progress.ts";
import { print } from "../terminal.ts";
import { watched } from "./save.ts";
import { SnapshotFile } from "./snapshot-file.ts";

interface RestoreOptions {
  readonly yes: boolean;
}

/**
 * Adds a saved snapshot to those of a stopped node. Refused while the node runs (DT_LOG_IN_USE). Without
 * `--yes` the file is checked and nothing is changed.
 */
export async function restoreSnapshot(
  context: CliContext,
  name: string,
  file: string,
  { yes }: RestoreOptions,
): Promise<void> {
  const { cwd, stdout, stderr } = context.terminal;
  const directory = findDataDirectory(cwd, name);
  const saved = await SnapshotFile.open(resolve(cwd, file));
  const { groupId, meta } = saved.head;
  const progress = startProgress(stderr, "restore", meta.byteLength);
  try {
    if (yes) {
      await store(directory, saved, watched(saved.content(), progress));
    } else {
      for await (const chunk of saved.content()) {
        progress.advance(chunk.length);
      }
      context.exitCode = CliExit.failed;
    }
  } finally {
    progress.stop();
    await saved.close();
  }
  const what = `snapshot ${meta.id} of group ${groupId}, index ${meta.index}, ${meta.byteLength} bytes`;
  await print(
    stdout,
    yes ? `restored ${what}\n` : `${what} is good; nothing was changed, do it with --yes\n`,
  );
}

async function store(
  directory: string,
  saved: SnapshotFile,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const identity = await readIdentity(nodeFileSystem, directory);
  if (identity === null) {
    throw new CliError({ code: "DT_CLI_NO_DATA", directory });
  }
  const { clusterId, nodeId } = identity;
  const data = await DataDirectory.open({ path: directory, clusterId, nodeId });
  try {
    // A snapshot without a log is refused: in a directory that has none yet, it is made first.
    await data.log(saved.head.groupId).open();
    const snapshots = data.snapshots(saved.head.groupId);
    await snapshots.open();
    const writer = await snapshots.create(saved.head.meta);
    try {
      for await (const chunk of content) {
        await writer.write(chunk);
      }
      await writer.finish();
    } finally {
      await writer.abort();
    }
  } finally {
    await data.close();
  }
}
