import type { Clock } from "@dt/fiber";
import type { SnapshotMeta, SnapshotStore, SnapshotWriter } from "../../log/snapshot-store.ts";
import type { EnvelopeSource } from "./envelope.ts";

/** Bytes asked of the state machine at once: little enough that nobody notices the pause. */
const STEP_BYTES = 64 << 10;

/**
 * Writes one snapshot into the store, a piece at a time; between two pieces everything else runs.
 * Rejects with the store's error or the state machine's, and then nothing is left behind. `begin` is
 * called before it returns: the state is that of the moment.
 */
export async function buildSnapshot(
  store: SnapshotStore,
  meta: Omit<SnapshotMeta, "byteLength">,
  begin: () => EnvelopeSource,
  clock: Clock,
  isWanted: () => boolean,
): Promise<SnapshotMeta | null> {
  const source = begin();
  let writer: SnapshotWriter | null = null;
  try {
    writer = await store.create(meta);
    for (let parts = source.next(STEP_BYTES); parts !== null; parts = source.next(STEP_BYTES)) {
      for (const part of parts) {
        await writer.write(part);
      }
      await turnEnd(clock);
      if (!isWanted()) {
        return null;
      }
    }
    const finished = await writer.finish();
    writer = null;
    return finished;
  } finally {
    source.close();
    await writer?.abort();
  }
}

function turnEnd(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.defer(resolve));
}
