import { Status } from "@dt/rpc";
import type { IncomingRequest } from "@dt/rpc";
import { Refusal, refusalCode } from "../refusal.ts";
import { refusalReason } from "../refusal-reason.ts";

/** Answers a request with a refusal. Nothing was changed. */
export function refuse(request: IncomingRequest, refusal: Refusal): void {
  request.fail(refusalStatus(refusal), refusalCode(refusal), refusalReason(refusal));
}

function refusalStatus(refusal: Refusal): Status {
  switch (refusal) {
    case Refusal.keyTooLong:
    case Refusal.valueTooLarge:
    case Refusal.batchTooLarge:
      return Status.tooLarge;
    case Refusal.unknownCommand:
      return Status.notSupported;
    case Refusal.storeFull:
      return Status.denied;
    default:
      return Status.invalid;
  }
}
