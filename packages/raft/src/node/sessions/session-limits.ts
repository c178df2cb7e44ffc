/**
 * Limits of the sessions of a group. Every member decides by them what is forgotten, so they are part
 * of what is replicated: constants, not options.
 */
export const SESSION_LIMITS = {
  /** Beyond it the owner of most sessions loses the one that it used least recently. */
  maxSessions: 10_000,
  /** Calls of one session from its oldest unanswered one on. */
  window: 1024,
  /**
   * Bytes of all remembered results, each counted with `resultOverheadBytes`; beyond it, the owner of most of them
   * loses the session that it used least recently. One session alone may have more.
   */
  maxResultBytes: 16 << 20,
  resultOverheadBytes: 64,
  /** A session that was not used for so long, by the leaders' clocks in the log, is forgotten. */
  expiryMs: 3_600_000,
} as const;

export type SessionLimits = { readonly [K in keyof typeof SESSION_LIMITS]: number };
