import type { RefusalCode } from "./refusal.ts";

/** What went wrong, with the facts that belong to it. The README lists every code with what to do about it. */
export type KvFault =
  /** The store refused the request; nothing was changed. */
  | { readonly code: RefusalCode; readonly reason: string }
  /** The answer makes no sense to this client; a write may have been carried out. */
  | { readonly code: "DT_KV_BAD_REPLY" }
  /** The bytes are no snapshot of a tree; the tree is as it was. */
  | { readonly code: "DT_KV_BAD_SNAPSHOT"; readonly reason: string }
  /** Options are wrong; every problem with its path. */
  | { readonly code: "DT_KV_OPTIONS"; readonly problems: readonly string[] };

/** Every error of this package. Match on `code`. */
export class KvError extends Error {
  override readonly name = "KvError" as const;
  readonly code: KvFault["code"];
  readonly fault: KvFault;
  /** False when the request was certainly not carried out and never will be. */
  readonly mayHaveExecuted: boolean;

  constructor(fault: KvFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
    this.mayHaveExecuted = fault.code === "DT_KV_BAD_REPLY";
  }
}

function describe(fault: KvFault): string {
  if ("problems" in fault) {
    return fault.problems.join("; ");
  }
  return "reason" in fault ? fault.reason : "the reply could not be decoded";
}
