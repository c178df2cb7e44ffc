/** Exit codes of `dt`, except for `dt server`, which has those of the server. The README explains each. */
export const CliExit = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  compareFailed: 4,
  unavailable: 5,
  outcomeUnknown: 6,
} as const;

export type CliExit = (typeof CliExit)[keyof typeof CliExit];
