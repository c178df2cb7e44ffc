import type { ClientCall } from "./client-call.ts";
import type { Link } from "./link.ts";

/** Where the calls of one group go. */
export class GroupRoute {
  readonly groupId: number;
  /** The link to the leader, as far as known; null while it is being looked for. */
  leader: Link | null = null;
  /** Calls that wait until the leader is known, in the order of their start. */
  waiting: ClientCall[] = [];
  isSearching = false;

  constructor(groupId: number) {
    this.groupId = groupId;
  }
}
