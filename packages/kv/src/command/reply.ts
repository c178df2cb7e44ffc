import { ByteReader } from "@dt/codec";
import { KvError } from "../errors.ts";

/** Decodes a whole body; throws DT_KV_BAD_REPLY, with the cause, for one that is not as expected. */
export function decodeReply<T>(
  body: Buffer,
  start: number,
  end: number,
  read: (reader: ByteReader) => T,
): T {
  const reader = new ByteReader().attach(body, start, end);
  try {
    const reply = read(reader);
    reader.expectEnd();
    return reply;
  } catch (cause) {
    throw new KvError({ code: "DT_KV_BAD_REPLY" }, { cause });
  }
}
