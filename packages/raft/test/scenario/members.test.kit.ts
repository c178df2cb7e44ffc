import type { ConfigRequest } from "../../src/core/config-request.ts";
import { isJoint, isSameSet } from "../../src/core/membership.ts";
import type { NodeId } from "../../src/core/message.ts";
import { type AdminCall, type AdminRequest, SimCluster } from "../../src/testing/index.ts";

type Prepare = Extract<ConfigRequest, { action: "prepare" }>;

/** Of `nodeCount` nodes the first three vote; node 1 leads. */
export function threeOf(nodeCount: number, seed = 1): SimCluster {
  const cluster = new SimCluster({ seed, nodeCount, voters: [1, 2, 3] });
  cluster.electLeader(1);
  cluster.settle();
  return cluster;
}

/** The first step from what node `at` takes for the members to others. */
export function prepare(
  cluster: SimCluster,
  at: NodeId,
  voters: readonly NodeId[],
  observers: readonly NodeId[] = [],
  how: Partial<Prepare> = {},
): Prepare {
  const { configuration } = cluster.node(at).core;
  const known = [...configuration.voters, ...configuration.observers];
  const strangers = [...new Set([...voters, ...observers])].filter((id) => !known.includes(id));
  return {
    action: "prepare",
    old: { voters: configuration.voters, observers: configuration.observers },
    next: { voters, observers },
    members: strangers.map((nodeId) => ({ nodeId, host: "sim", port: 7000 + nodeId })),
    leavesByItself: true,
    isForced: false,
    ...how,
  };
}

/** Asks, and runs until the answer is there. */
export function ask(cluster: SimCluster, at: NodeId, request: AdminRequest): AdminCall {
  const call = cluster.ask(at, request);
  cluster.runUntil(() => call.answer !== null, cluster.electionMs, "an answer");
  return call;
}

/** Why the request is refused; "" when it is not. */
export function refusal(cluster: SimCluster, at: NodeId, request: AdminRequest): string {
  return ask(cluster, at, request).answer?.refusal?.reason ?? "";
}

/** A leader has committed these members, and nothing else is on its way. */
export function hasMembers(
  cluster: SimCluster,
  voters: readonly NodeId[],
  observers: readonly NodeId[] = [],
): boolean {
  const core = cluster.leader?.core;
  return (
    core !== undefined &&
    !isJoint(core.configuration) &&
    core.configuration.index <= core.commitIndex &&
    isSameSet(core.configuration.voters, voters) &&
    isSameSet(core.configuration.observers, observers)
  );
}

/** Asks whoever leads, as often as it takes, until these are the members. */
export function changeTo(
  cluster: SimCluster,
  voters: readonly NodeId[],
  observers: readonly NodeId[] = [],
  limitMs = 40 * cluster.electionMs,
): void {
  let call: AdminCall | null = null;
  let askedMs = -Infinity;
  const isDone = (): boolean => {
    const { leader } = cluster;
    const isOver = call === null || call.answer !== null || cluster.nowMs - askedMs > 500;
    if (leader !== null && isOver && cluster.nowMs - askedMs > 20) {
      askedMs = cluster.nowMs;
      call = cluster.ask(leader.id, prepare(cluster, leader.id, voters, observers));
    }
    return hasMembers(cluster, voters, observers);
  };
  cluster.runUntil(isDone, limitMs, `voters ${String(voters)}, observers ${String(observers)}`);
}

/** New members first follow, then vote. */
export function changeByObserving(cluster: SimCluster, voters: readonly NodeId[]): void {
  const { leader } = cluster;
  const old = leader?.core.configuration.voters ?? [];
  const strangers = voters.filter((id) => !old.includes(id));
  if (strangers.length > 0) {
    changeTo(cluster, old, strangers);
  }
  changeTo(cluster, voters);
}

/** Writes at the leader every few milliseconds from now on; tells the longest time without an answer. */
export class SteadyWriter {
  readonly #cluster: SimCluster;
  #lastOkMs: number;
  #isStopped = false;
  longestGapMs = 0;
  acknowledged = 0;
  /** Calls whose outcome is open. */
  unknown = 0;

  constructor(cluster: SimCluster, everyMs = 10) {
    this.#cluster = cluster;
    this.#lastOkMs = cluster.nowMs;
    this.#next(everyMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#note();
  }

  #next(everyMs: number): void {
    this.#cluster.queue.after(everyMs, () => {
      if (this.#isStopped) {
        return;
      }
      const { leader } = this.#cluster;
      if (leader !== null) {
        this.#cluster.write(leader.id, 1, 0, undefined, ({ outcome }) => {
          if (outcome === "ok") {
            this.#note();
            this.acknowledged++;
          } else if (outcome === "unknown") {
            this.unknown++;
          }
        });
      }
      this.#next(everyMs);
    });
  }

  #note(): void {
    const { nowMs } = this.#cluster;
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastOkMs);
    this.#lastOkMs = nowMs;
  }
}
