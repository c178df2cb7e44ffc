import { ByteWriter, CodecError, readUint64 } from "@dt/codec";
import { scanRecords } from "../entry/entry-batch.ts";
import { type EntryAnswer, type EntryRequest, FetchResult } from "../node/entry-fetch.ts";

/**
 * Bodies of FETCH_COMMAND, all integers big-endian:
 *
 * ```
 * request:  0  8  first index    8  8  last index    16  4  chain of the entry before    20  4  most bytes
 * answer:   0  1  result         1  8  first index    9  4  chain of the entry before    13 ..  records
 * ```
 */
const REQUEST_BYTES = 24;
const ANSWER_HEAD_BYTES = 13;

export function encodeFetchRequest(writer: ByteWriter, request: EntryRequest): void {
  writer.ensure(REQUEST_BYTES);
  writer.u64(request.firstIndex);
  writer.u64(request.lastIndex);
  writer.u32(request.prevChain);
  writer.u32(request.maxBytes);
}

/** Throws a `CodecError` for anything else. */
export function decodeFetchRequest(body: Buffer): EntryRequest {
  if (body.length !== REQUEST_BYTES) {
    const reason = `a request for entries of ${body.length} bytes`;
    throw new CodecError({ code: "DT_CODEC_MESSAGE", reason, offset: 0 });
  }
  return {
    firstIndex: readUint64(body, 0),
    lastIndex: readUint64(body, 8),
    prevChain: body.readUInt32BE(16),
    maxBytes: body.readUInt32BE(20),
  };
}

export function encodeFetchAnswer(answer: EntryAnswer): Buffer {
  const [first] = answer.batches;
  const bytes = answer.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  const writer = new ByteWriter(ANSWER_HEAD_BYTES + bytes);
  writer.ensure(ANSWER_HEAD_BYTES);
  writer.u8(answer.result);
  writer.u64(first?.firstIndex ?? 0);
  writer.u32(first?.prevChain ?? 0);
  for (const batch of answer.batches) {
    writer.range(batch.bytes, 0, batch.bytes.length);
  }
  return writer.buf.subarray(0, writer.pos);
}

/** Copies the records: the log keeps them. Records that fail a check end the answer before them. */
export function decodeFetchAnswer(buf: Buffer, start: number, end: number): EntryAnswer {
  const result = end - start < ANSWER_HEAD_BYTES ? 0 : buf.readUInt8(start);
  const known = Object.values(FetchResult).find((each) => each === result);
  if (known === undefined) {
    return { result: FetchResult.unknown, batches: [] };
  }
  const records = Buffer.from(buf.subarray(start + ANSWER_HEAD_BYTES, end));
  const firstIndex = readUint64(buf, start + 1);
  const prevChain = buf.readUInt32BE(start + 9);
  const { batches } = scanRecords(records, 0, records.length, firstIndex - 1, 0, prevChain);
  const isEmpty = known === FetchResult.entries && batches.length === 0;
  return { result: isEmpty ? FetchResult.unknown : known, batches };
}
