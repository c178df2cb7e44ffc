import type { RaftLog, Write } from "@dt/raft";
import type { FileLog } from "../src/file-log.ts";
import { LogError } from "../src/log-error.ts";
import type { FaultyDisk, Operation } from "../src/testing/index.ts";
import { newDisk, openOn, SMALL } from "./disk-log.ts";
import { EntryMaker, store } from "./entry-maker.ts";

export const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };

export interface Fixture {
  readonly disk: FaultyDisk;
  readonly maker: EntryMaker;
  readonly log: FileLog;
}

/** An open log with two entries. */
export async function fixture(options = SMALL): Promise<Fixture> {
  const disk = newDisk();
  const maker = new EntryMaker();
  const { log } = await openOn(disk, options);
  await store(log, maker.write(maker.filled(1, 2, 100), 0, HARD_STATE));
  return { disk, maker, log };
}

/** Fails the first operation that matches, once. */
export function failOnce(
  disk: FaultyDisk,
  error: string,
  matches: (operation: Operation) => boolean,
): void {
  let isDone = false;
  disk.fault = (operation) => {
    if (isDone || !matches(operation)) {
      return null;
    }
    isDone = true;
    return { error };
  };
}

/** Gives writes to a log at once; resolves to the codes of their errors, "" for none. */
export async function codesOf(log: RaftLog, writes: readonly Write[]): Promise<string[]> {
  const codes: string[] = [];
  await Promise.all(
    writes.map(
      (write) =>
        new Promise<void>((resolve) => {
          log.write(write, (error) => {
            codes.push(error instanceof LogError ? error.code : "");
            resolve();
          });
        }),
    ),
  );
  return codes;
}

export const isLogFile = (operation: Operation): boolean => operation.path.endsWith(".log");
