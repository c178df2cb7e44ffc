import { MessageKind } from "../../core/message.ts";
import type { SimNode } from "../sim/sim-node.ts";
import { write } from "./bursts.ts";
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

/**
 * A follower that the leader's lease counts on is told to campaign when enough others have not heard
 * the leader for long.
 */
export function usurp(nemesis: Nemesis): void {
  const { cluster, profile } = nemesis;
  const { leader } = cluster;
  const others = cluster.nodes.filter((node) => node !== leader);
  if (leader === null || others.length < 2) {
    return;
  }
  const { quorum } = cluster.invariants;
  const loyal = others.slice(0, quorum - 1);
  const lost = others.slice(quorum - 1).map(({ id }) => id);
  cluster.network.cut([leader.id], lost);
  const electionMs = profile.core.electionTimeoutMinMs;
  nemesis.later(1.2 * electionMs, 1.5 * electionMs, () => {
    for (const { id } of loyal) {
      nemesis.ask(id, { action: "campaign" });
    }
    readWhileOthersWrite(nemesis, leader, 0, electionMs);
    healLater(nemesis);
  });
}

/**
 * What the followers answered is on its way for so long that another leader is elected and writes,
 * while the old one, which hears nothing, is asked to read.
 */
export function answerLate(nemesis: Nemesis): void {
  const { cluster, profile } = nemesis;
  const { leader } = cluster;
  if (leader === null) {
    return;
  }
  const others = cluster.nodes.filter((node) => node !== leader).map(({ id }) => id);
  for (const id of others) {
    cluster.network.clog(id, leader.id);
  }
  const electionMs = profile.core.electionTimeoutMinMs;
  nemesis.later(0.1 * electionMs, 0.5 * electionMs, () => {
    for (const id of others) {
      cluster.network.cutOneWay(leader.id, id);
    }
  });
  readWhileOthersWrite(nemesis, leader, electionMs, 4 * electionMs);
  nemesis.later(3 * electionMs, 5 * electionMs, () => cluster.network.heal());
}

/**
 * What a leader sent in an earlier term of its own, perhaps in an earlier life, is all that the others hear from it: they
 * answer that, while they elect another leader and it writes, and the old one is asked to read.
 */
export function echoOldTerm(nemesis: Nemesis): void {
  const { cluster, profile, random } = nemesis;
  const { leader } = cluster;
  if (leader === null) {
    return;
  }
  const { term } = leader.core;
  // Those that asked for the newest reads: a node that starts again counts its reads from one on.
  const old = (cluster.network.recorded ?? [])
    .filter((message) => message.kind === MessageKind.heartbeat)
    .filter((message) => message.from === leader.id && message.term < term)
    .toSorted((a, b) => b.readToken - a.readToken)
    .slice(0, 20);
  if (old.length === 0 || random.chance(0.3)) {
    leader.crash();
    nemesis.revive(leader);
    nemesis.ask(leader.id, { action: "campaign" });
    return;
  }
  const electionMs = profile.core.electionTimeoutMinMs;
  for (const { id } of cluster.nodes) {
    if (id !== leader.id) {
      cluster.network.cutOneWay(leader.id, id);
    }
  }
  for (let i = 0; i < 40; i++) {
    nemesis.later(0, 4 * electionMs, () => cluster.network.inject(random.pick(old)));
  }
  readWhileOthersWrite(nemesis, leader, electionMs, 4 * electionMs);
  nemesis.later(3 * electionMs, 5 * electionMs, () => cluster.network.heal());
}

/** The leader's last answers come late: its lease began when it had asked, long before. */
export function stretchLease(nemesis: Nemesis): void {
  const { cluster, profile } = nemesis;
  const { leader } = cluster;
  if (leader === null) {
    return;
  }
  const others = cluster.nodes.filter((node) => node !== leader).map(({ id }) => id);
  const electionMs = profile.core.electionTimeoutMinMs;
  for (const id of others) {
    cluster.network.clog(id, leader.id);
  }
  nemesis.later(0.1 * electionMs, 0.3 * electionMs, () => {
    for (const id of others) {
      cluster.network.cutOneWay(leader.id, id);
    }
  });
  nemesis.later(0.7 * electionMs, 0.95 * electionMs, () => {
    for (const id of others) {
      cluster.network.unclog(id, leader.id);
      cluster.network.cutOneWay(id, leader.id);
    }
  });
  readWhileOthersWrite(nemesis, leader, electionMs, 2 * electionMs);
  nemesis.later(2 * electionMs, 4 * electionMs, () => cluster.network.heal());
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
      const next = nemesis.cluster.leader;
      if (next !== null) {
        write(nemesis, next, 1);
      }
    });
  }
}
