import type { ConfigEntry } from "../core/log-state.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import {
  EntryType,
  RECORD_HEADER_BYTES,
  recordLength,
  recordType,
  storedBytes,
} from "../entry/record.ts";

/** The CONFIG entries of a batch, ascending; their payloads are views of its bytes. */
export function configsOf(batch: EntryBatch): ConfigEntry[] {
  const configs: ConfigEntry[] = [];
  const { bytes, term } = batch;
  let index = batch.firstIndex;
  for (let at = 0; at < bytes.length; at += storedBytes(recordLength(bytes, at))) {
    if (recordType(bytes, at) === EntryType.config) {
      const payload = bytes.subarray(at + RECORD_HEADER_BYTES, at + recordLength(bytes, at));
      configs.push({ index, term, payload });
    }
    index++;
  }
  return configs;
}
