import { isJoint, isMemberOf } from "../../core/membership.ts";
import type { SimMember } from "./sim-member.ts";

/** Who leads in the highest term and has applied its whole log; after a transfer that failed it has no lease. */
export function leaderAtRest(members: readonly SimMember[]): SimMember | null {
  let found: SimMember | null = null;
  let foundTerm = 0;
  for (const member of members) {
    const status = member.group?.status();
    if (status?.role === "leader" && status.term > foundTerm) {
      found = status.appliedIndex === status.lastIndex ? member : null;
      foundTerm = status.term;
    }
  }
  return found;
}

/** All members of the last configuration applied one and the same log, and nobody waits for a member. */
export function areAtRest(members: readonly SimMember[]): boolean {
  const leader = leaderAtRest(members);
  const group = leader?.group;
  if (leader === null || group === undefined || group === null) {
    return false;
  }
  const { configuration } = group;
  const isSettled = !isJoint(configuration) && configuration.index <= group.status().commitIndex;
  return (
    isSettled &&
    members.every(
      ({ id, appliedIndex, waitingCalls }) =>
        waitingCalls === 0 &&
        (appliedIndex === leader.appliedIndex || !isMemberOf(configuration, id)),
    )
  );
}
