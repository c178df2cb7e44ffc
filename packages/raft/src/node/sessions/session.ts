import type { OwnerShare } from "./owner-shares.ts";

/** What an open session has done. */
export interface Session {
  /** Index of the entry that opened it. */
  readonly id: number;
  readonly secret: bigint;
  /** Of all that its owner has open. */
  readonly share: OwnerShare;
  /** Time of the log when it was used last. */
  usedMs: number;
  /** Calls below this number are answered and forgotten. */
  answered: number;
  /** Encoded results by number of the call. */
  readonly results: Map<number, Buffer>;
}
