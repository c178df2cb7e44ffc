import type { SimNode } from "../sim/sim-node.ts";
import type { Nemesis } from "./nemesis.ts";

/** Many writes at once. */
export function burst(nemesis: Nemesis): void {
  writeToLeader(nemesis, nemesis.random.int(5, 40));
}

export function writeToLeader(nemesis: Nemesis, count: number): void {
  const { leader } = nemesis.cluster;
  if (leader !== null) {
    write(nemesis, leader, count);
  }
}

export function write(nemesis: Nemesis, node: SimNode, count: number): void {
  const { cluster, random, profile } = nemesis;
  for (let i = 0; i < count; i++) {
    const key = random.int(1, profile.load.keys);
    cluster.write(node.id, key, 0, random.int(8, profile.load.payloadMaxBytes));
  }
}
