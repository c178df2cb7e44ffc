import type { SnapshotReader } from "../../log/snapshot-store.ts";
import { EnvelopeFault, EnvelopeReader } from "./envelope.ts";

const READ_BYTES = 256 << 10;

/** What is restored from a snapshot; each step leaves everything as it was when it throws. */
export interface RestoreTarget {
  restoreState(chunks: AsyncIterable<Buffer>): Promise<void>;
  /** Takes over; called last. */
  restoreSessions(bytes: Buffer): void;
  /** Throws an `EnvelopeFault` for bytes that are no sessions. */
  checkSessions(bytes: Buffer): void;
}

/** Reads a snapshot into its target. Rejects with the store's error, an `EnvelopeFault`, or the state machine's. */
export async function restoreSnapshot(
  reader: SnapshotReader,
  target: RestoreTarget,
): Promise<void> {
  const envelope = new EnvelopeReader(chunksOf(reader));
  await envelope.begin();
  target.checkSessions(envelope.sessions);
  await target.restoreState(envelope.stateChunks());
  if (!envelope.isFinished) {
    throw new EnvelopeFault("the state machine did not read its snapshot to the end");
  }
  target.restoreSessions(envelope.sessions);
}

async function* chunksOf(reader: SnapshotReader): AsyncGenerator<Buffer> {
  for (let at = 0; at < reader.meta.byteLength; at += READ_BYTES) {
    yield await reader.read(at, READ_BYTES);
  }
}
