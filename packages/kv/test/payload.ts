import { ByteWriter } from "@dt/codec";
import type { Encode } from "@dt/rpc";

/** The bytes that an encoder writes. */
export function payload<A>(encode: Encode<A>, argument: A): Buffer {
  const writer = new ByteWriter(64);
  encode(writer, argument);
  return Buffer.from(writer.buf.subarray(0, writer.pos));
}
