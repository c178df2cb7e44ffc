import type { MemberLists } from "../../core/config-request.ts";
import { isJoint } from "../../core/membership.ts";
import type { AdminCall } from "../sim/admin-call.ts";
import type { SimCluster } from "../sim/sim-cluster.ts";

/**
 * Replaces each member that lost its disk by a node with a fresh id, as an administrator does: the new ones follow
 * first, and vote when they have caught up. Fails when that does not come to its end.
 */
export function replaceWiped(cluster: SimCluster, voterCount: number): void {
  const lost = cluster.nodes.filter(({ isWiped }) => isWiped).map(({ id }) => id);
  const spares = cluster.nodes.filter(({ id }) => id > voterCount).map(({ id }) => id);
  const fresh = spares.slice(0, lost.length);
  const voters = Array.from({ length: voterCount }, (_, i) => i + 1);
  changeTo(cluster, { voters, observers: fresh });
  cluster.settle();
  const intact = voters.filter((id) => !lost.includes(id));
  changeTo(cluster, { voters: [...intact, ...fresh], observers: [] });
}

/** Asked again where it is refused, and where the leader changed before it answered. */
function changeTo(cluster: SimCluster, next: MemberLists): void {
  let call: AdminCall | null = null;
  let askedAtMs = -Infinity;
  const isThere = (): boolean => {
    const { leader } = cluster;
    if (leader === null) {
      return false;
    }
    const { configuration } = leader.core;
    const isOver = !isJoint(configuration);
    if (isOver && areSame(configuration, next) && configuration.index <= leader.core.commitIndex) {
      return true;
    }
    const isRefused = (call?.answer?.refusal ?? null) !== null;
    const pauseMs = isRefused ? cluster.electionMs / 20 : cluster.electionMs;
    if (isOver && !areSame(configuration, next) && cluster.nowMs > askedAtMs + pauseMs) {
      const { voters, observers } = configuration;
      const members = [...next.voters, ...next.observers].map((nodeId) => ({
        nodeId,
        host: "sim",
        port: 7000 + nodeId,
      }));
      askedAtMs = cluster.nowMs;
      call = cluster.ask(leader.id, {
        action: "prepare",
        old: { voters, observers },
        next,
        members,
        leavesByItself: true,
        isForced: false,
      });
    }
    return false;
  };
  cluster.runUntil(isThere, 20 * cluster.electionMs, "I13: a change of members");
}

function areSame(a: MemberLists, b: MemberLists): boolean {
  return areSameIds(a.voters, b.voters) && areSameIds(a.observers, b.observers);
}

function areSameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
