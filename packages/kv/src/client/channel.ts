import type { Decode, Encode, RpcError } from "@dt/rpc";

export interface ChannelCallOptions {
  readonly timeoutMs?: number;
  /** The call may be carried out more than once without harm. */
  readonly idempotent?: boolean;
  /** Any member may answer, not the leader alone. */
  readonly anyMember?: boolean;
  /** Carried out once and answered with the first result, however often it is repeated. */
  readonly session?: boolean;
  /** Turns a coded refusal into what the promise rejects with. */
  readonly toError?: (error: RpcError) => Error;
}

/** How calls reach the group. RaftClient of @dt/raft has it, and finds the leader. */
export interface KvChannel {
  call<A, T>(
    command: number,
    groupId: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    options?: ChannelCallOptions,
  ): Promise<T>;
}
