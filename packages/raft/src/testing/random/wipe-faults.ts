import type { SimNode } from "../sim/sim-node.ts";
import { write } from "./bursts.ts";
import { healLater } from "./link-faults.ts";
import type { Nemesis } from "./nemesis.ts";
import { reviveLater } from "./node-faults.ts";

/** So many of the voters may lose their disks: a quorum of the others stays. */
export function maxWiped(voterCount: number): number {
  return Math.floor((voterCount - 1) / 2);
}

/** A node loses power and its disk, and comes back with its old id. */
export function wipe(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim === null || !isExpendable(nemesis, victim)) {
    return;
  }
  victim.wipe();
  if (nemesis.random.chance(0.5)) {
    nemesis.revive(victim);
  } else {
    reviveLater(nemesis, victim);
  }
}

/**
 * Writes reach the leader and just as many followers as it takes; these lose their disks, and hear, when they are
 * back, all but the leader.
 */
export function wipeHolders(nemesis: Nemesis): void {
  const { cluster, profile, random } = nemesis;
  const { leader } = cluster;
  const others = cluster.nodes.filter(({ id }) => id !== leader?.id && id <= profile.voterCount);
  if (leader === null || leader.id > profile.voterCount) {
    return;
  }
  const first = random.int(0, others.length - 1);
  const holderCount = Math.floor(profile.voterCount / 2);
  const inTurn = [...others.slice(first), ...others.slice(0, first)];
  const holders = inTurn.slice(0, holderCount);
  const rest = inTurn.slice(holderCount).map(({ id }) => id);
  cluster.network.cut([leader.id, ...holders.map(({ id }) => id)], rest);
  const electionMs = profile.core.electionTimeoutMinMs;
  write(nemesis, leader, random.int(1, 3));
  nemesis.later(0.3 * electionMs, electionMs, () => {
    for (const node of holders) {
      if (isExpendable(nemesis, node)) {
        node.wipe();
        nemesis.revive(node);
      }
    }
    cluster.network.heal();
    cluster.network.cut(
      [leader.id],
      cluster.nodes.filter((node) => node !== leader).map(({ id }) => id),
    );
    nemesis.later(2 * electionMs, 4 * electionMs, () => healLater(nemesis));
  });
}

/**
 * Whether the group can do without the disk. Every other voter must know its store for good: the guard is for nodes
 * that met the member before it lost its disk.
 */
function isExpendable({ cluster, profile }: Nemesis, node: SimNode): boolean {
  const voters = cluster.nodes.filter(({ id }) => id <= profile.voterCount);
  const intact = voters.filter(({ isWiped }) => !isWiped);
  return (
    intact.includes(node) &&
    voters.length - intact.length < maxWiped(voters.length) &&
    intact.every((other) => other === node || other.stores.isDurable(node.id))
  );
}
