import type { AuthIdentity } from "@dt/rpc";

/** For everybody: what a node says of itself, and the sessions of clients. */
const STATUS_COMMAND = 30;
const SESSION_COMMANDS = { first: 66, last: 67 } as const;
const RAFT_COMMANDS = { first: 16, last: 31 } as const;
const ADMINISTRATION = { first: 64, last: 95 } as const;

/**
 * Whether somebody may send a command. Those of members and administrators are for `trusted`, given as
 * `kind:name`; null trusts everybody who is not anonymous.
 */
export function mayUse(
  { kind, name }: AuthIdentity,
  command: number,
  trusted: ReadonlySet<string> | null,
): boolean {
  if (!isPrivileged(command)) {
    return true;
  }
  return trusted === null ? kind !== "anonymous" : trusted.has(`${kind}:${name}`);
}

function isPrivileged(command: number): boolean {
  if (command === STATUS_COMMAND || isWithin(command, SESSION_COMMANDS)) {
    return false;
  }
  return isWithin(command, RAFT_COMMANDS) || isWithin(command, ADMINISTRATION);
}

function isWithin(command: number, range: { first: number; last: number }): boolean {
  return command >= range.first && command <= range.last;
}
