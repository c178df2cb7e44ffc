import type { SimNode } from "../sim/sim-node.ts";
import { writeToLeader } from "./bursts.ts";
import type { Nemesis } from "./nemesis.ts";

/** Power is cut, if possible while a write is under way. */
export function crash(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  const { cluster, random } = nemesis;
  const isQuorate = cluster.nodes.filter((node) => node.isUp).length >= cluster.invariants.quorum;
  // A cluster that is seldom alive has nothing to lose.
  if (victim !== null && (isQuorate || random.chance(0.1))) {
    writeToLeader(nemesis, 3);
    crashWhen(nemesis, victim, () => victim.disk.pendingWrites > 0, 150);
  }
}

/** Waits a while for `isTime`, then crashes the node, unless it is down already. */
function crashWhen(nemesis: Nemesis, node: SimNode, isTime: () => boolean, tries: number): void {
  if (!node.isUp) {
    return;
  }
  if (!isTime() && tries > 0) {
    const stepMs = Math.max(0.05, node.disk.timing.syncMaxMs / 3);
    nemesis.later(stepMs, stepMs, () => crashWhen(nemesis, node, isTime, tries - 1));
    return;
  }
  node.crash();
  reviveLater(nemesis, node);
}

/**
 * A leader with entries that nobody else has stands still while the others replace it; it wakes up
 * to everything at once, and loses power while it drops its entries.
 */
export function ambush(nemesis: Nemesis): void {
  const { cluster, profile } = nemesis;
  const { leader } = cluster;
  if (leader === null || leader.isPaused) {
    return;
  }
  const electionMs = profile.core.electionTimeoutMinMs;
  const others = cluster.nodes.filter((node) => node !== leader).map(({ id }) => id);
  cluster.network.cut([leader.id], others);
  writeToLeader(nemesis, 3);
  nemesis.later(0.2 * electionMs, 0.5 * electionMs, () => {
    cluster.network.heal();
    if (!leader.isUp || leader.isPaused) {
      return;
    }
    leader.pause();
    nemesis.later(2 * electionMs, 4 * electionMs, () => writeToLeader(nemesis, 3));
    nemesis.later(3 * electionMs, 5 * electionMs, () => {
      nemesis.revive(leader);
      crashWhen(nemesis, leader, () => leader.disk.isTruncating, 200);
    });
  });
}

/** Every node loses power at the same instant. */
export function crashAll(nemesis: Nemesis): void {
  for (const node of nemesis.cluster.nodes) {
    if (node.isUp) {
      node.crash();
      reviveLater(nemesis, node);
    }
  }
}

export function stop(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    victim.stop();
    reviveLater(nemesis, victim);
  }
}

/** A restart that is over before anybody notices. */
export function flip(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    victim.crash();
    nemesis.revive(victim);
  }
}

/** A process that stands still for a while, with everything that arrives waiting for it. */
export function pause(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    const electionMs = nemesis.profile.core.electionTimeoutMinMs;
    victim.pause();
    nemesis.later(0.1 * electionMs, 4 * electionMs, () => nemesis.revive(victim));
  }
}

/** Timers of one process come to nothing for a while, and its sockets are read as ever. */
export function freezeTicks(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    const electionMs = nemesis.profile.core.electionTimeoutMinMs;
    victim.freezeTicks();
    nemesis.later(0.3 * electionMs, 4 * electionMs, () => victim.thawTicks());
  }
}

export function slowDisk(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    slowDown(nemesis, victim, 0.1);
  }
}

/** The leader's disk is slower than the way to the followers and back, while clients write. */
export function slowLeaderDisk(nemesis: Nemesis): void {
  const { cluster, profile } = nemesis;
  const electionMs = profile.core.electionTimeoutMinMs;
  if (cluster.leader !== null) {
    slowDown(nemesis, cluster.leader, 1);
    for (let i = 1; i <= 4; i++) {
      nemesis.later((i - 1) * electionMs, i * electionMs, () => writeToLeader(nemesis, 2));
    }
  }
}

function slowDown(nemesis: Nemesis, node: SimNode, minElections: number): void {
  const { random, profile } = nemesis;
  const electionMs = profile.core.electionTimeoutMinMs;
  const syncMaxMs = electionMs * random.between(minElections, 1.5);
  node.disk.timing = { ...profile.disk, syncMinMs: syncMaxMs / 2, syncMaxMs };
  nemesis.later(2 * electionMs, 6 * electionMs, () => {
    node.disk.timing = profile.disk;
  });
}

export function jumpWall(nemesis: Nemesis): void {
  const { cluster, random } = nemesis;
  random.pick(cluster.nodes).clock.jumpWall(random.between(-1, 1) * 86_400_000);
}

export function changeRate(nemesis: Nemesis): void {
  const { cluster, random, profile } = nemesis;
  const [min, max] = profile.clockRates;
  random.pick(cluster.nodes).clock.setRate(random.pick([min, max]));
}

export function reviveLater(nemesis: Nemesis, node: SimNode): void {
  const electionMs = nemesis.profile.core.electionTimeoutMinMs;
  nemesis.later(0, 4 * electionMs, () => {
    if (!node.isUp) {
      nemesis.revive(node);
    }
  });
}
