/** How a call ended at the other side. The numbers are on the wire and never change. */
export const Status = {
  ok: 0,
  invalid: 1,
  unauthenticated: 2,
  denied: 3,
  notSupported: 4,
  notReady: 5,
  stopping: 6,
  flowControl: 7,
  timeout: 8,
  notLeader: 9,
  groupNotFound: 10,
  groupStopped: 11,
  tooLarge: 12,
  internal: 13,
} as const;

export type Status = (typeof Status)[keyof typeof Status];

const NAMES: readonly string[] = Object.keys(Status);
const VALUES: readonly Status[] = Object.values(Status);

/**
 * The status with this number; a number of a later version counts as internal, the most cautious
 * one.
 */
export function statusFromWire(value: number): Status {
  return VALUES[value] ?? Status.internal;
}

export function statusName(status: Status): string {
  return NAMES[status] ?? String(status);
}
