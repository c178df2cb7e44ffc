import { CodecError } from "@dt/codec";
import { Status } from "./status.ts";
import type { RequestRefusalCode } from "./answer-code.ts";
import type { Handler } from "./command-table.ts";
import type { IncomingRequest } from "./incoming-request.ts";

/**
 * A handler that may take its time: it gets a copy of the body and resolves with the body of the
 * reply. When it rejects, the caller gets INTERNAL, or INVALID for a CodecError; it may also answer
 * through `request` itself.
 */
export function asyncHandler(
  fn: (request: IncomingRequest, body: Buffer) => Promise<Uint8Array>,
): Handler {
  return (request, body, start, end) => {
    const copy = Buffer.from(body.subarray(start, end));
    fn(request, copy).then(
      (bytes) => {
        if (!request.isAnswered) {
          request.replyBytes(bytes);
        }
      },
      (error: unknown) => {
        failRequest(request, error);
      },
    );
  };
}

/** Answers a request whose handler has failed, unless it was answered before that. */
export function failRequest(request: IncomingRequest, error: unknown): void {
  if (request.isAnswered) {
    return;
  }
  if (error instanceof CodecError) {
    const code: RequestRefusalCode = "DT_RPC_BAD_REQUEST";
    request.fail(Status.invalid, code, error.message);
  } else {
    failInternal(request, error);
  }
}

/** Answers a request whose handler has failed and may have done something before. */
export function failInternal(request: IncomingRequest, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const code: RequestRefusalCode = "DT_RPC_HANDLER_FAILED";
  request.fail(Status.internal, code, message);
}
