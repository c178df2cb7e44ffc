import { formatAddress } from "../address.ts";
import type { ConfigProblem } from "../server-error.ts";
import type { RawConfig } from "./schema.ts";

/** Relations between the members, and of this node to them. A part that is null has been reported before. */
export function checkMembership(
  cluster: RawConfig["cluster"] | null,
  node: RawConfig["node"] | null,
  problems: ConfigProblem[],
): void {
  if (cluster === null) {
    return;
  }
  const ids = new Map<number, number>();
  const addresses = new Map<string, number>();
  for (const [index, member] of cluster.members.entries()) {
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
  if (node !== null && !ids.has(node.id)) {
    const known = cluster.members.map(({ id }) => id).join(", ");
    problems.push({
      path: "node.id",
      message: `${node.id} is not among the ids of cluster.members (${known})`,
    });
  }
}
