import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { syncFile, writeFrom } from "./file-io.ts";
import type { StoredFile } from "./file-system.ts";
import { nodeFileSystem } from "./node-file-system.ts";

export interface DiskMeasurement {
  /** Bytes of each write. */
  readonly writeBytes: number;
  readonly writes: number;
  /** Time of one write and its sync, in microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly bytesPerSecond: number;
}

const FILL_BYTES = 1 << 20;

/**
 * What the disk itself can do in this directory, without a log: each write goes behind the one
 * before it and is synced (fdatasync) before the next, on Node's thread pool; into space that is
 * allocated and zeroed already, as small flushes of a log do, or with `isAllocated` false into new
 * space, as large ones do. The file is removed afterwards.
 */
export async function measureDisk(
  directory: string,
  writeBytes: number = 4096,
  writes: number = 1000,
  isAllocated: boolean = true,
): Promise<DiskMeasurement> {
  const path = join(directory, `measure-${randomBytes(6).toString("hex")}.tmp`);
  const file = await nodeFileSystem.open(path, "create");
  try {
    if (isAllocated) {
      await allocate(file, writeBytes * writes);
    }
    const content = randomBytes(writeBytes);
    const timesUs = new Float64Array(writes);
    const started = performance.now();
    for (let i = 0; i < writes; i++) {
      const from = performance.now();
      await writeAndSync(file, content, i * writeBytes);
      timesUs[i] = (performance.now() - from) * 1000;
    }
    const seconds = (performance.now() - started) / 1000;
    timesUs.sort();
    const at = (part: number): number => timesUs[Math.floor((writes - 1) * part)] as number;
    return {
      writeBytes,
      writes,
      p50Us: at(0.5),
      p99Us: at(0.99),
      maxUs: at(1),
      bytesPerSecond: (writeBytes * writes) / seconds,
    };
  } finally {
    await file.close();
    await nodeFileSystem.remove(path);
  }
}

async function allocate(file: StoredFile, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(FILL_BYTES, bytes));
  for (let at = 0; at < bytes; at += zeros.length) {
    await writeFrom(file, zeros, 0, Math.min(zeros.length, bytes - at), at);
  }
  await syncFile(file);
}

function writeAndSync(file: StoredFile, content: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(content, 0, content.length, position, (writeError) => {
      if (writeError !== null) {
        reject(writeError);
        return;
      }
      file.sync((error) => {
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      });
    });
  });
}
