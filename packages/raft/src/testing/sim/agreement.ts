import { isMemberOf } from "../../core/membership.ts";
import type { SimNode } from "./sim-node.ts";

/** The running leader of the highest term, or null. */
export function leaderOf(nodes: readonly SimNode[]): SimNode | null {
  let highest: SimNode | null = null;
  for (const node of nodes) {
    if (node.leads && (highest === null || node.core.term > highest.core.term)) {
      highest = node;
    }
  }
  return highest;
}

/** One node leads, has committed in its term, and every running member follows it. */
export function isLed(nodes: readonly SimNode[]): boolean {
  const leader = leaderOf(nodes);
  if (leader === null || !leader.core.isReadable) {
    return false;
  }
  const { id, term } = leader.core;
  return runningMembers(nodes, leader).every(
    ({ core }) => core.term === term && core.leaderId === id,
  );
}

/** All running members follow one leader, hold and applied its whole log, and no call waits. */
export function isSettled(nodes: readonly SimNode[]): boolean {
  const leader = leaderOf(nodes);
  if (leader === null || !isLed(nodes)) {
    return false;
  }
  const { lastIndex, lastChain } = leader.core;
  return runningMembers(nodes, leader).every(
    (node) =>
      node.core.lastIndex === lastIndex &&
      node.core.lastChain === lastChain &&
      node.machine.appliedIndex === lastIndex &&
      node.disk.durable.lastIndex === lastIndex &&
      node.waitingCalls === 0,
  );
}

/** Who runs and is, for the leader, a member that it can reach: one that lost its disk is refused by all. */
function runningMembers(nodes: readonly SimNode[], leader: SimNode): SimNode[] {
  const { configuration } = leader.core;
  return nodes.filter((node) => node.isUp && !node.isWiped && isMemberOf(configuration, node.id));
}
