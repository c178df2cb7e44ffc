/** What a client asked of one key. */
export type Request =
  | { readonly op: "get" }
  | { readonly op: "put"; readonly value: string }
  | { readonly op: "delete" }
  /** Stores `value` if the key holds `expected`; null stands for a key that does not exist. */
  | { readonly op: "cas"; readonly expected: string | null; readonly value: string };

/**
 * One call of one client, from its start to its end, in any unit of time that all share.
 *
 * `ok`: it was executed in between. `failed`: it was not executed and never will be. `unknown`: it
 * may have been executed at any time after `start`, or may be later, or never.
 */
export type Operation = Request & {
  readonly client: number | string;
  readonly key: string;
  readonly start: number;
  /** Ignored when the outcome is unknown. */
  readonly end: number;
  readonly outcome: "ok" | "failed" | "unknown";
  /** Of a get that is ok: what it found, null for nothing. */
  readonly found?: string | null;
  /** Of a cas that is ok: whether it stored. */
  readonly swapped?: boolean;
};
