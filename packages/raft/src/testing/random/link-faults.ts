import { InputKind } from "../../core/input.ts";
import { write } from "./bursts.ts";
import type { Nemesis } from "./nemesis.ts";

/** Two sides that do not hear each other. */
export function split(nemesis: Nemesis): void {
  const { cluster, random } = nemesis;
  const ids = cluster.nodes.map(({ id }) => id);
  const left = ids.filter(() => random.chance(0.5));
  cluster.network.cut(
    left,
    ids.filter((id) => !left.includes(id)),
  );
  healLater(nemesis);
}

/** One node that nobody hears, that hears nobody, or both. */
export function isolate(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim === null) {
    return;
  }
  const { cluster, random } = nemesis;
  const way = random.int(0, 2);
  for (const { id } of cluster.nodes) {
    if (id !== victim.id) {
      if (way !== 0) {
        cluster.network.cutOneWay(victim.id, id);
      }
      if (way !== 1) {
        cluster.network.cutOneWay(id, victim.id);
      }
    }
  }
  healLater(nemesis);
}

/** One direction of one link. */
export function cutOneLink(nemesis: Nemesis): void {
  const { cluster, random } = nemesis;
  const from = random.pick(cluster.nodes).id;
  const to = random.pick(cluster.nodes).id;
  cluster.network.cutOneWay(from, to);
  healLater(nemesis);
}

/** Two sides that do not hear each other, and one node that hears both and is heard by both. */
export function bridge(nemesis: Nemesis): void {
  const { cluster, random } = nemesis;
  const middle = random.pick(cluster.nodes).id;
  const ids = cluster.nodes.map(({ id }) => id).filter((id) => id !== middle);
  const left = ids.filter(() => random.chance(0.5));
  cluster.network.cut(
    left,
    ids.filter((id) => !left.includes(id)),
  );
  healLater(nemesis);
}

/** Everything between two nodes, or from one of them, waits and then comes at once. */
export function clog(nemesis: Nemesis): void {
  const { cluster, random, profile } = nemesis;
  const from = (nemesis.victim() ?? random.pick(cluster.nodes)).id;
  const to = random.pick(
    cluster.nodes.filter(({ id }) => id !== from || cluster.nodes.length === 1),
  );
  const electionMs = profile.core.electionTimeoutMinMs;
  const ways = random.chance(0.5)
    ? [[from, to.id] as const]
    : [[from, to.id] as const, [to.id, from] as const];
  for (const [a, b] of ways) {
    cluster.network.clog(a, b);
    nemesis.later(0.1 * electionMs, 3 * electionMs, () => cluster.network.unclog(a, b));
  }
}

/** One link becomes slow and loses much. */
export function spoilLink(nemesis: Nemesis): void {
  const { cluster, random, profile } = nemesis;
  const from = random.pick(cluster.nodes).id;
  const to = random.pick(cluster.nodes).id;
  const electionMs = profile.core.electionTimeoutMinMs;
  cluster.network.setLink(from, to, {
    delayMaxMs: electionMs * random.pick([0.1, 1]),
    lossRate: random.pick([0.1, 0.8]),
    duplicateRate: random.pick([0, 0.3]),
  });
  nemesis.later(electionMs, 5 * electionMs, () => {
    cluster.network.setLink(from, to, profile.link);
  });
}

/**
 * A leader, alone or with too few followers, that goes on taking writes and reads while the others
 * elect another one and write too.
 */
export function strand(nemesis: Nemesis): void {
  const { cluster, profile, random } = nemesis;
  const { leader } = cluster;
  if (leader === null) {
    return;
  }
  const others = cluster.nodes.filter((node) => node !== leader).map(({ id }) => id);
  const companions = random.int(0, Math.max(0, cluster.invariants.quorum - 2));
  cluster.network.cut([leader.id, ...others.slice(0, companions)], others.slice(companions));
  write(nemesis, leader, random.int(1, 6));
  const electionMs = profile.core.electionTimeoutMinMs;
  for (let i = 0; i < 8; i++) {
    nemesis.later(electionMs, 4 * electionMs, () => {
      const next = cluster.leader;
      if (next !== null && next !== leader) {
        write(nemesis, next, random.int(1, 3));
      }
      nemesis.later(0, electionMs / 2, () => cluster.read(leader.id));
    });
  }
  nemesis.later(3 * electionMs, 6 * electionMs, () => cluster.network.heal());
}

/** A follower that misses many writes. */
export function lag(nemesis: Nemesis): void {
  const { cluster, random, profile } = nemesis;
  const { leader } = cluster;
  const followers = cluster.nodes.filter((node) => node !== leader);
  if (leader === null || followers.length === 0) {
    return;
  }
  const follower = random.pick(followers);
  cluster.network.cut(
    [follower.id],
    cluster.nodes.filter((node) => node !== follower).map(({ id }) => id),
  );
  for (let i = 0; i < 4; i++) {
    nemesis.later(0, profile.core.electionTimeoutMinMs, () => {
      write(nemesis, leader, random.int(1, 8));
    });
  }
  healLater(nemesis);
}

/** Messages of any age arrive again, and leaders hear that some were lost. */
export function haunt({ cluster, random }: Nemesis): void {
  const { recorded } = cluster.network;
  for (let i = 0; i < 20 && recorded !== null && recorded.length > 0; i++) {
    cluster.network.inject(random.pick(recorded));
  }
  cluster.leader?.enqueue({
    kind: InputKind.unreachable,
    peer: random.pick(cluster.nodes).id,
  });
}

export function healLater(nemesis: Nemesis): void {
  const electionMs = nemesis.profile.core.electionTimeoutMinMs;
  nemesis.later(0.2 * electionMs, 5 * electionMs, () => nemesis.cluster.network.heal());
}
