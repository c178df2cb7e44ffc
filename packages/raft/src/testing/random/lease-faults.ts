import type { SimNode } from "../sim/sim-node.ts";
import { writeToLeader } from "./bursts.ts";
import { healLater } from "./link-faults.ts";
import type { Nemesis } from "./nemesis.ts";

/** A leader with the slowest clock, cut off from voters with the fastest: leases come to their end. */
export function driftApart(nemesis: Nemesis): void {
  const { cluster, profile } = nemesis;
  const { leader } = cluster;
  if (leader === null) {
    return;
  }
  const [slowest, fastest] = profile.clockRates;
  for (const node of cluster.nodes) {
    node.clock.setRate(node === leader ? slowest : fastest);
  }
  const electionMs = profile.core.electionTimeoutMinMs;
  nemesis.later(2 * electionMs, 3 * electionMs, () => {
    const others = cluster.nodes.filter((node) => node !== leader).map(({ id }) => id);
    cluster.network.cut([leader.id], others);
    readWhileOthersWrite(nemesis, leader, 0.8 * electionMs, 1.2 * electionMs);
    healLater(nemesis);
  });
}

/**
 * A voter that answered the leader forgets it in a crash, while another node, which has not heard
 * the leader for long, asks for its vote.
 */
export function forget(nemesis: Nemesis): void {
  const { cluster, profile, random } = nemesis;
  const { leader } = cluster;
  const others = cluster.nodes.filter((node) => node !== leader);
  if (leader === null || others.length < 2) {
    return;
  }
  const { quorum } = cluster.invariants;
  const voters = others.slice(0, quorum - 1);
  const rivals = others.slice(quorum - 1).map(({ id }) => id);
  cluster.network.cut([leader.id], rivals);
  const electionMs = profile.core.electionTimeoutMinMs;
  nemesis.later(2 * electionMs, 3 * electionMs, () => {
    const voter = random.pick(voters);
    if (voter.isUp) {
      voter.crash();
      nemesis.revive(voter);
      cluster.network.cut([leader.id], [voter.id]);
    }
    readWhileOthersWrite(nemesis, leader, 0, electionMs);
    healLater(nemesis);
  });
}

function readWhileOthersWrite(
  nemesis: Nemesis,
  leader: SimNode,
  fromMs: number,
  toMs: number,
): void {
  for (let i = 0; i < 20; i++) {
    nemesis.later(fromMs, toMs, () => {
      nemesis.cluster.read(leader.id);
      writeToLeader(nemesis, 1);
    });
  }
}
