import { formatAddress } from "../address.ts";
import type { ConfigProblem } from "../server-error.ts";

/** A member as it was given, with its place in the list. */
export interface PlacedMember {
  readonly index: number;
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/**
 * A node starts with the members of a new cluster, or it joins one that is there: then it has none, waits at
 * `listen`, and is added by the others (`dt cluster add`).
 */
export function checkJoin(
  { hasMembers, joins, hasListen }: JoinFacts,
  problems: ConfigProblem[],
): void {
  if (!hasMembers && !joins) {
    problems.push({
      path: "cluster.members",
      message: "empty: name at least this node, or set cluster.join for a node that others add",
    });
  }
  if (hasMembers && joins) {
    problems.push({
      path: "cluster.join",
      message: "a node that joins is told the members by the others: remove cluster.members",
    });
  }
  if (joins && !hasListen) {
    problems.push({ path: "listen", message: "missing: a node that joins has no other address" });
  }
}

export interface JoinFacts {
  readonly hasMembers: boolean;
  readonly joins: boolean;
  readonly hasListen: boolean;
}

/** Relations between the members, and of this node to them. `nodeId` null: it has been reported before. */
export function checkMembership(
  members: readonly PlacedMember[],
  nodeId: number | null,
  problems: ConfigProblem[],
): void {
  const ids = new Map<number, number>();
  const addresses = new Map<string, number>();
  for (const member of members) {
    const { index } = member;
    const path = `cluster.members[${index}]`;
    const sameId = ids.get(member.id);
    if (sameId !== undefined) {
      problems.push({
        path: `${path}.id`,
        message: `${member.id} is the id of cluster.members[${sameId}] too`,
      });
    }
    const address = formatAddress(member);
    const sameAddress = addresses.get(address);
    if (sameAddress !== undefined) {
      problems.push({
        path,
        message: `${address} is the address of cluster.members[${sameAddress}] too`,
      });
    }
    ids.set(member.id, sameId ?? index);
    addresses.set(address, sameAddress ?? index);
  }
  if (nodeId !== null && ids.size > 0 && !ids.has(nodeId)) {
    const known = [...ids.keys()].join(", ");
    problems.push({
      path: "node.id",
      message: `${nodeId} is not among the ids of cluster.members (${known})`,
    });
  }
}
