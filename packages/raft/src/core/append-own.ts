import type { EntryBatch } from "../entry/entry-batch.ts";
import type { CoreState } from "./core-state.ts";

/** Leader: adds entries of its own term to its log; disk and followers get them with the next `take`. */
export function appendOwn(s: CoreState, batch: EntryBatch): void {
  s.log.append(batch);
  s.isAppendWanted = true;
}
