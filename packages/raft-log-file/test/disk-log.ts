import type { LogState } from "@dt/raft";
import { FileLog } from "../src/file-log.ts";
import type { FileLogOptions } from "../src/options.ts";
import { FaultyDisk } from "../src/testing/index.ts";

export const DIRECTORY = "/data/7";
export const LOG_PATH = "/data/7/log";
export const STATUS_PATH = "/data/7/status";
export const LOCATION = { directory: DIRECTORY, groupId: 7, storeId: Buffer.alloc(16, 0xab) };
export const SMALL: FileLogOptions = { segmentBytes: 16 << 10 };

export function segmentPath(firstIndex: number): string {
  return `${LOG_PATH}/${String(firstIndex).padStart(20, "0")}.log`;
}

export function logOn(disk: FaultyDisk, options: FileLogOptions = SMALL): FileLog {
  return new FileLog(LOCATION, options, disk);
}

export async function openOn(
  disk: FaultyDisk,
  options: FileLogOptions = SMALL,
): Promise<{ log: FileLog; state: LogState }> {
  const log = logOn(disk, options);
  return { log, state: await log.open() };
}

export function newDisk(): FaultyDisk {
  return new FaultyDisk();
}
