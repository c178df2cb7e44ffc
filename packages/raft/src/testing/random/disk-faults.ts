import type { SimNode } from "../sim/sim-node.ts";
import { writeToLeader } from "./bursts.ts";
import type { Nemesis } from "./nemesis.ts";
import { reviveLater } from "./node-faults.ts";

/** A sync fails: the process must end without having told anybody about what was in it. */
export function failSync(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    victim.disk.failNextSync();
    writeToLeader(nemesis, 3);
    reviveLater(nemesis, victim);
  }
}

/** A bit of an entry flips, and somebody has to read it. */
export function flipBit(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  const lastIndex = victim?.disk.durable.lastIndex ?? 0;
  if (victim !== null && lastIndex > 0 && isSpare(nemesis)) {
    victim.disk.flipBit(nemesis.random.int(1, lastIndex));
    restartDamaged(nemesis, victim);
  }
}

/** A write goes to the place of another entry. */
export function misdirect(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null && isSpare(nemesis)) {
    victim.disk.misdirectNextWrite();
    writeToLeader(nemesis, 3);
    restartDamaged(nemesis, victim);
  }
}

/** Whether the others can go on when one more disk is damaged. */
function isSpare({ cluster }: Nemesis): boolean {
  const good = cluster.nodes.filter(({ disk }) => !disk.durable.isDamaged).length;
  return good > cluster.invariants.quorum;
}

/** The node meets its damage when it opens its log; an operator repairs it some time later. */
function restartDamaged(nemesis: Nemesis, victim: SimNode): void {
  const electionMs = nemesis.profile.core.electionTimeoutMinMs;
  nemesis.later(0.5 * electionMs, 2 * electionMs, () => {
    if (victim.isUp) {
      victim.stop();
    }
    reviveLater(nemesis, victim);
    nemesis.later(4 * electionMs, 8 * electionMs, () => {
      victim.disk.repair();
      reviveLater(nemesis, victim);
    });
  });
}
