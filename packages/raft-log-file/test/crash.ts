import assert from "node:assert/strict";
import { openOn } from "./disk-log.ts";
import type { Operation } from "../src/testing/index.ts";
import { EntryMaker } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";
import type { CrashChoices, FaultyDisk } from "../src/testing/index.ts";

/** A process's work with a log; every write goes through the model. */
export type Script = (disk: FaultyDisk, model: LogModel) => Promise<void>;

/** Runs a script until it ends or the power is cut. */
export async function run(script: Script, disk: FaultyDisk, model: LogModel): Promise<void> {
  await Promise.race([script(disk, model), disk.whenOff]);
}

/** Cuts the power at the operation with this number, after so many bytes if it is a write. */
export function cutAt(disk: FaultyDisk, operation: number, afterBytes: number): void {
  let number = 0;
  disk.fault = () => (number++ === operation ? { powerCutAfterBytes: afterBytes } : null);
}

/**
 * Opens the log on the disk that a crash left, compares it with the model, and sees that it can be
 * written and closed, and found again.
 */
export async function checkAfterCrash(
  crashed: FaultyDisk,
  choices: CrashChoices,
  model: LogModel,
): Promise<void> {
  const disk = crashed.crash(choices);
  const { log, state } = await openOn(disk);
  const content = await model.check(log, state);
  model.adopt(content);
  const maker = new EntryMaker();
  maker.resetTo({ index: state.lastIndex, term: 0, chain: state.lastChain });
  const term = content.hardState.term + 1;
  const hardState = { term, vote: 9, commitIndex: 0 };
  await model.write(log, maker.write(maker.filled(term, 3, 700), 0, hardState));
  await log.close();
  assert.equal(disk.openFiles, 0, "no file is left open");
  const again = await openOn(disk);
  await model.check(again.log, again.state);
  await again.log.close();
}

/** The operations of a script that runs to its end. */
export async function operationsOf(
  script: Script,
  disk: FaultyDisk,
): Promise<readonly Operation[]> {
  await script(disk, new LogModel());
  return disk.operations;
}
