import { join } from "node:path";
import { readInto, syncFile, writeFrom } from "./file-io.ts";
import { errorNumber } from "./log-error.ts";
import type { FileSystem, StoredFile } from "./file-system.ts";
import { type DirectoryListing, NEXT_NAME } from "./log-directory.ts";
import type { Recovered, TornTail } from "./recovery.ts";

const CHUNK_BYTES = 1 << 20;

/**
 * Puts a directory into the state that `recover` described: what a torn flush left is moved to a
 * `.broken` file, superseded segments are removed, and what was found is made durable, because a
 * process that died may have left it in memory only.
 */
export async function repair(
  fileSystem: FileSystem,
  path: string,
  listing: DirectoryListing,
  recovered: Recovered,
): Promise<void> {
  const last = recovered.segments.at(-1);
  if (last !== undefined) {
    const file = await fileSystem.open(last.path, "write");
    try {
      if (recovered.torn !== null) {
        await keepTorn(fileSystem, file, last.path, recovered.torn);
        await fileSystem.syncDirectory(path);
        await zero(file, recovered.torn);
      }
      await syncFile(file);
    } finally {
      await file.close();
    }
  }
  await fileSystem.syncDirectory(path);
  const leftovers = [...recovered.superseded];
  if (listing.hasNext) {
    leftovers.push(join(path, NEXT_NAME));
  }
  for (const leftover of leftovers) {
    await fileSystem.remove(leftover);
  }
  if (leftovers.length > 0) {
    await fileSystem.syncDirectory(path);
  }
}

/** Copies the torn bytes to a file beside the segment; that of an earlier crash is replaced. */
async function keepTorn(
  fileSystem: FileSystem,
  from: StoredFile,
  segmentPath: string,
  torn: TornTail,
): Promise<void> {
  const path = `${segmentPath}.broken`;
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") {
      throw error;
    }
  }
  const to = await fileSystem.open(path, "create");
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let at = torn.offset; at < torn.endOffset; at += CHUNK_BYTES) {
      const wanted = Math.min(CHUNK_BYTES, torn.endOffset - at);
      const bytes = await readInto(from, chunk, 0, wanted, at);
      await writeFrom(to, chunk, 0, bytes, at - torn.offset);
    }
    await syncFile(to);
  } finally {
    await to.close();
  }
}

async function zero(file: StoredFile, torn: TornTail): Promise<void> {
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, torn.endOffset - torn.offset));
  for (let at = torn.offset; at < torn.endOffset; at += zeros.length) {
    await writeFrom(file, zeros, 0, Math.min(zeros.length, torn.endOffset - at), at);
  }
}
