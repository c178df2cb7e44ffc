import type { Done, FileSystem, StoredFile } from "./file-system.ts";
import { errorNumber } from "./log-error.ts";

/** Writes `[start, end)` of `from`, going on after a short write until everything is taken. */
export function writeAll(
  file: StoredFile,
  from: Buffer,
  start: number,
  end: number,
  position: number,
  done: Done,
): void {
  file.write(from, start, end, position, (error, bytes) => {
    if (error !== null) {
      done(error);
    } else if (bytes === end - start) {
      done(null);
    } else if (bytes === 0) {
      done(new Error("a write of the file system moved nothing"));
    } else {
      writeAll(file, from, start + bytes, end, position + bytes, done);
    }
  });
}

/** As `writeAll`, for several buffers back to back. */
export function writevAll(
  file: StoredFile,
  buffers: readonly Buffer[],
  position: number,
  done: Done,
): void {
  const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  file.writev(buffers, position, (error, bytes) => {
    if (error !== null) {
      done(error);
    } else if (bytes === total) {
      done(null);
    } else if (bytes === 0) {
      done(new Error("a write of the file system moved nothing"));
    } else {
      writevAll(file, dropBytes(buffers, bytes), position + bytes, done);
    }
  });
}

function dropBytes(buffers: readonly Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  let skip = bytes;
  for (const buffer of buffers) {
    if (skip < buffer.length) {
      rest.push(buffer.subarray(skip));
    }
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}

/** Fills `[start, end)` of `into`, or less where the file ends. Resolves to the number of bytes. */
export function readInto(
  file: StoredFile,
  into: Buffer,
  start: number,
  end: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let at = start;
    const next = (): void => {
      file.read(into, at, end, position + (at - start), (error, bytes) => {
        if (error !== null) {
          reject(error);
          return;
        }
        at += bytes;
        if (bytes === 0 || at === end) {
          resolve(at - start);
        } else {
          next();
        }
      });
    };
    next();
  });
}

export function writeFrom(
  file: StoredFile,
  from: Buffer,
  start: number,
  end: number,
  position: number,
): Promise<void> {
  return settled((done) => writeAll(file, from, start, end, position, done));
}

export function syncFile(file: Pick<StoredFile, "sync">): Promise<void> {
  return settled((done) => file.sync(done));
}

/**
 * Makes a file that has this content or does not exist, by way of a temporary name. Its name is
 * durable after the next sync of the directory.
 */
export async function createWhole(
  fileSystem: FileSystem,
  path: string,
  content: Buffer,
): Promise<StoredFile> {
  const temporary = `${path}.tmp`;
  await removeIfThere(fileSystem, temporary);
  const file = await fileSystem.open(temporary, "create");
  try {
    await writeFrom(file, content, 0, content.length, 0);
    await syncFile(file);
    await fileSystem.rename(temporary, path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Takes every step, one after the other, also behind one that fails. Throws what the first that failed has thrown. */
export async function closeAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

export async function removeIfThere(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") {
      throw error;
    }
  }
}

function settled(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
}
