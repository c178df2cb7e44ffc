import { MessageKind } from "../core/message.ts";

/** Frame commands of this package: 16 to 31. A message between members is 16 + its kind. */
const FIRST_MESSAGE_COMMAND = 16;

/** A member tells another one where it listens; one-way, of no group. */
export const MEMBER_ADDRESS_COMMAND = 16;
export const STATUS_COMMAND = 30;
/** What administrators ask of a group. */
export const ADMIN_COMMAND = 31;

/** Asks a member for entries that were lost; of the numbers for administration. */
export const FETCH_COMMAND = 64;

/** Takes a snapshot of a group on the node that is asked; of the numbers for administration. */
export const SNAPSHOT_COMMAND = 65;

/** Opens a session, and makes a call in one; see session-commands.ts. */
export const OPEN_SESSION_COMMAND = 66;
export const SESSION_CALL_COMMAND = 67;

export const MESSAGE_KINDS: readonly MessageKind[] = Object.values(MessageKind);

export function messageCommand(kind: MessageKind): number {
  return FIRST_MESSAGE_COMMAND + kind;
}

export function kindOfCommand(command: number): number {
  return command - FIRST_MESSAGE_COMMAND;
}
