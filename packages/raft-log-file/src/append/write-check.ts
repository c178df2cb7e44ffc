import { type EntryBatch, recordLength, storedBytes, type Write } from "@dt/raft";
import { LogError } from "../log-error.ts";

/** What can be said against a write on its own. */
export function checkWrite(write: Write, maxRecord: number): LogError | null {
  const { reset, truncateFrom } = write;
  const afterReset = reset === null ? truncateFrom : reset.index + 1;
  if (truncateFrom > 0 && truncateFrom !== afterReset) {
    return new LogError({ code: "DT_LOG_GAP", expectedIndex: afterReset, index: truncateFrom });
  }
  let before: EntryBatch | null = null;
  for (const batch of write.batches) {
    const expectedIndex = before === null ? afterReset : before.lastIndex + 1;
    const prevChain = before?.chain ?? reset?.chain ?? batch.prevChain;
    if (
      batch.prevChain !== prevChain ||
      (expectedIndex > 0 && batch.firstIndex !== expectedIndex)
    ) {
      return new LogError({ code: "DT_LOG_GAP", expectedIndex, index: batch.firstIndex });
    }
    const refusal = batch.bytes.length > maxRecord ? largeRecord(batch, maxRecord) : null;
    if (refusal !== null) {
      return refusal;
    }
    before = batch;
  }
  return null;
}

function largeRecord(batch: EntryBatch, maxRecord: number): LogError | null {
  let index = batch.firstIndex;
  for (let at = 0; at < batch.bytes.length; index++) {
    const recordBytes = storedBytes(recordLength(batch.bytes, at));
    if (recordBytes > maxRecord) {
      return new LogError({
        code: "DT_LOG_RECORD_TOO_LARGE",
        index,
        recordBytes,
        maxRecordBytes: maxRecord,
      });
    }
    at += recordBytes;
  }
  return null;
}
