import type { AdminAnswer, ConfigRequest } from "../../core/config-request.ts";
import { type Input, InputKind } from "../../core/input.ts";
import type { NodeId } from "../../core/message.ts";

/** What an administrator may ask a node for. */
export type AdminRequest =
  | ConfigRequest
  | { readonly action: "transfer"; readonly to: NodeId }
  | { readonly action: "campaign" };

/** A request and, as soon as the node has it, the answer; none comes from a node that dies first. */
export interface AdminCall {
  readonly kind: "admin";
  readonly request: AdminRequest;
  answer: AdminAnswer | null;
}

export function adminInput(token: number, request: AdminRequest): Input {
  switch (request.action) {
    case "transfer":
      return { kind: InputKind.transfer, token, to: request.to };
    case "campaign":
      return { kind: InputKind.campaign, token };
    default:
      return { kind: InputKind.changeConfig, token, request };
  }
}
