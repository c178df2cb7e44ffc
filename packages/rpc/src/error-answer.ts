import { withoutStack } from "./errors.ts";
import { skipExtension, readErrorExtension } from "./extension.ts";
import { FLAG_EXTENSION, FLAG_GROUP, GROUP_BYTES, MIN_FRAME_BYTES } from "./frame.ts";
import { statusFromWire } from "./status.ts";
import type { RpcError } from "./errors.ts";

/** What an error answer says besides its status. */
export interface ErrorAnswer {
  readonly code: string | null;
  readonly message: string;
  /** A copy. */
  readonly detail: Buffer | null;
}

/**
 * Reads the answer that is buf[start, end), a frame after its length field whose parts fit into it.
 */
export function readErrorAnswer(
  buf: Buffer,
  flags: number,
  start: number,
  end: number,
): ErrorAnswer {
  let bodyStart = start + MIN_FRAME_BYTES + ((flags & FLAG_GROUP) === 0 ? 0 : GROUP_BYTES);
  let code: string | null = null;
  let detail: Buffer | null = null;
  if ((flags & FLAG_EXTENSION) !== 0) {
    const at = bodyStart;
    bodyStart = skipExtension(buf, at, end);
    const extension = readErrorExtension(buf, at, bodyStart);
    if (extension !== null) {
      code = extension.code;
      detail = extension.detail === null ? null : Buffer.from(extension.detail);
    }
  }
  return { code, message: buf.toString("utf8", bodyStart, end), detail };
}

/** What the caller hears of an answer with this status of the wire. */
export function remoteError(status: number, { code, message, detail }: ErrorAnswer): RpcError {
  return withoutStack({
    code: "DT_RPC_REMOTE",
    status: statusFromWire(status),
    remoteCode: code,
    remoteMessage: message,
    detail,
  });
}
