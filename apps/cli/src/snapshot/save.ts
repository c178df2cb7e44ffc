import { open, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { inspectSnapshots, readStoredSnapshot, SnapshotError } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { findDataDirectory } from "../log/data-directory.ts";
import { type Progress, startProgress } from "../progress.ts";
import { print } from "../terminal.ts";
import { writeSnapshotFile } from "./snapshot-file.ts";

interface SaveOptions {
  readonly group: number;
  readonly id?: string;
}

/** Copies a snapshot to a file, each block checked; the file is gone when that fails. */
export async function saveSnapshot(
  { terminal }: CliContext,
  name: string,
  file: string,
  { group, id }: SaveOptions,
): Promise<void> {
  const directory = findDataDirectory(terminal.cwd, name);
  const { snapshots } = await inspectSnapshots(directory);
  const found = snapshots.find(
    ({ groupId, meta }) => groupId === group && (id === undefined || meta.id === id),
  );
  if (found === undefined) {
    throw new SnapshotError({ code: "DT_SNAPSHOT_NOT_FOUND", id: id ?? `of group ${group}` });
  }
  const path = resolve(terminal.cwd, file);
  const handle = await open(path, "wx").catch((cause: Error) => {
    throw new CliError({ code: "DT_CLI_FILE", file, reason: cause.message }, { cause });
  });
  const progress = startProgress(terminal.stderr, "save", found.meta.byteLength);
  try {
    const content = readStoredSnapshot(directory, group, found.meta.id);
    await writeSnapshotFile(handle, found, watched(content, progress));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
    progress.stop();
  }
  const { index, byteLength } = found.meta;
  await print(
    terminal.stdout,
    `saved snapshot ${found.meta.id} of group ${group}, index ${index}, ${byteLength} bytes\n`,
  );
}

/** Tells how far the content is. */
export async function* watched(
  content: AsyncIterable<Buffer>,
  progress: Progress,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of content) {
    progress.advance(chunk.length);
    yield chunk;
  }
}
