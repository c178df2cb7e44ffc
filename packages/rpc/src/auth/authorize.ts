import type { AuthIdentity } from "./mechanism.ts";

/**
 * Whether `identity` may send this command to this group, 0 for none. Asked for every request and
 * one-way of a client, so it has to be quick; what it throws counts as no. A request that may not be sent
 * is answered DENIED, a one-way is nacked.
 */
export type Authorize = (identity: AuthIdentity, command: number, groupId: number) => boolean;
