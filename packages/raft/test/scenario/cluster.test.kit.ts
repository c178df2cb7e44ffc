import type { Message, NodeId } from "../../src/core/message.ts";
import { MessageKind } from "../../src/core/message.ts";
import { SimCluster, type SimClusterOptions } from "../../src/testing/index.ts";

/** A cluster of three with node 1 as its leader, everything delivered. */
export function ledByFirst(options: Partial<SimClusterOptions> = {}): SimCluster {
  const cluster = new SimCluster({ seed: 1, nodeCount: 3, ...options });
  cluster.electLeader(1);
  cluster.settle();
  return cluster;
}

/** Runs `body` for the seeds 1 to `count`; a failure inside a cluster names its seed. */
export function forSeeds(count: number, body: (seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    body(seed);
  }
}

/** Which messages: of these kinds, and on this route where given. */
export function messages(
  kinds: readonly MessageKind[],
  from?: NodeId,
  to?: NodeId,
): (message: Message) => boolean {
  return (message) =>
    kinds.includes(message.kind) &&
    (from === undefined || message.from === from) &&
    (to === undefined || message.to === to);
}

export const VOTES: readonly MessageKind[] = [MessageKind.preVote, MessageKind.vote];
export const APPENDS: readonly MessageKind[] = [MessageKind.append];
export const APPEND_REPLIES: readonly MessageKind[] = [MessageKind.appendReply];

/** Writes one after the other, each in a turn of its own. */
export function writeEach(cluster: SimCluster, nodeId: NodeId, count: number): void {
  for (let i = 0; i < count; i++) {
    cluster.write(nodeId);
    cluster.run(0.001);
  }
}
