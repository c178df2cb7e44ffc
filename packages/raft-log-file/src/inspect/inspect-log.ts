import {
  type EntryBatch,
  RECORD_HEADER_BYTES,
  recordBizType,
  recordHeaderCrc,
  recordLength,
  recordTimestamp,
  recordType,
  storedBytes,
} from "@dt/raft";
import type { FileSystem } from "../file-system.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import { scanLog } from "./scan-log.ts";

/** One entry, as it is stored. */
export interface InspectedRecord {
  readonly file: string;
  /** Of the record's header in the file. */
  readonly offset: number;
  readonly index: number;
  readonly term: number;
  /** An EntryType; kinds that this version does not know are possible. */
  readonly type: number;
  readonly bizType: number;
  /** Wall clock of the leader, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly chain: number;
  /** View of bytes that stay as they are. */
  readonly payload: Buffer;
}

/**
 * Every record of the group in `directory` (`<data>/<group id>`), in order, each checked; reads only,
 * needs no lock. Throws DT_LOG_CORRUPT behind the last good record when what follows is damaged.
 */
export async function* inspectLog(
  directory: string,
  fileSystem: FileSystem = nodeFileSystem,
): AsyncGenerator<InspectedRecord, void> {
  for await (const { file, offset, batch } of scanLog(fileSystem, directory)) {
    yield* recordsOf(file, offset, batch);
  }
}

function* recordsOf(file: string, offset: number, batch: EntryBatch): Generator<InspectedRecord> {
  const { bytes, term } = batch;
  let at = 0;
  for (let index = batch.firstIndex; index <= batch.lastIndex; index++) {
    const length = recordLength(bytes, at);
    yield {
      file,
      offset: offset + at,
      index,
      term,
      type: recordType(bytes, at),
      bizType: recordBizType(bytes, at),
      timestampMs: recordTimestamp(bytes, at),
      chain: recordHeaderCrc(bytes, at),
      payload: bytes.subarray(at + RECORD_HEADER_BYTES, at + length),
    };
    at += storedBytes(length);
  }
}
