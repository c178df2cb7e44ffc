import assert from "node:assert/strict";
import type { RaftLog } from "../log/raft-log.ts";

/** The part of a test runner that the suite needs; `node:test` and vitest have it as it is. */
export interface ConformanceRunner {
  test(name: string, body: () => Promise<void>): void;
}

/** One log's storage, which outlives the objects that work on it. */
export interface LogStorage {
  /** A log on this storage, not opened yet. The one before has been closed. */
  log(): RaftLog;
  /** Removes the storage. Its log has been closed. */
  dispose(): Promise<void>;
}

/** What the cases of a suite work with. */
export interface CaseSubject {
  open(): Promise<unknown>;
  /** Closes the log that is open now. */
  close(): Promise<void>;
}

export interface ConformanceCase<S extends CaseSubject> {
  readonly name: string;
  readonly body: (subject: S) => Promise<void>;
}

/** Runs each case on a storage of its own. */
export function runCases<S extends CaseSubject>(
  runner: ConformanceRunner,
  create: () => Promise<LogStorage>,
  cases: readonly ConformanceCase<S>[],
  subjectOf: (storage: LogStorage) => S,
): void {
  for (const { name, body } of cases) {
    runner.test(name, async () => {
      const storage = await create();
      const subject = subjectOf(storage);
      await subject.open();
      try {
        await body(subject);
      } finally {
        await subject.close();
        await storage.dispose();
      }
    });
  }
}

export async function rejectsWithCode(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, code);
    return true;
  });
}
