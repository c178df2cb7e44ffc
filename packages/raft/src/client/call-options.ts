import type { RpcError } from "@dt/rpc";

/** How one call is made. */
export interface CallOptions {
  readonly timeoutMs?: number;
  /**
   * The call may be executed more than once without harm, such as a read: it is repeated after a lost answer.
   * Default false: a lost answer is reported as DT_RAFT_OUTCOME_UNKNOWN and never repeated.
   */
  readonly idempotent?: boolean;
  /**
   * Make the call in a session of the group: it is executed once and answered with its first result, so it is
   * repeated like an idempotent one. Default false. Costs one call to open the session, and 36 bytes.
   */
  readonly session?: boolean;
  /** Any member may answer, not the leader alone: each such call goes to the next one that is connected. */
  readonly anyMember?: boolean;
  /** Turns the coded refusal of a service into the error that the call rejects with. Default: the `RpcError`. */
  readonly toError?: (error: RpcError) => Error;
}
