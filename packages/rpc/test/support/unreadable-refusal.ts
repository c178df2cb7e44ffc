import { encodeRefusal } from "../../src/handshake-frame.ts";
import { Status } from "../../src/index.ts";

/** The refusal of a handshake whose code is no UTF-8. */
export function unreadableRefusal(): Buffer {
  const bytes = encodeRefusal(1, { status: Status.denied, code: "NO", message: "why" });
  bytes[bytes.indexOf("NO")] = 0xff;
  return bytes;
}
