import type { Done, StoredFile } from "./file-system.ts";

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

export function syncFile(file: StoredFile): Promise<void> {
  return settled((done) => file.sync(done));
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
