import { FAULTS_OF_FOCUS, type Fault, OCCASIONAL_FAULTS } from "./faults.ts";
import type { RunProfile } from "./run-profile.ts";
import type { NodeId } from "../../core/message.ts";
import type { AdminCall, AdminRequest } from "../sim/admin-call.ts";
import type { SimCluster } from "../sim/sim-cluster.ts";
import { FAST_DISK } from "../sim/sim-disk.ts";
import { GOOD_LINK } from "../sim/sim-network.ts";
import type { SimNode } from "../sim/sim-node.ts";
import { PROMPT_HOST } from "../sim/host-timing.ts";
import type { SimRandom } from "../sim/sim-random.ts";

/** Makes faults at random times until stopped; each fault ends by itself some time later. */
export class Nemesis {
  readonly cluster: SimCluster;
  readonly random: SimRandom;
  readonly profile: RunProfile;
  /** What was asked of administrators' kind, with the answers. */
  readonly adminCalls: AdminCall[] = [];
  #faults: readonly Fault[];
  #isStopped = false;

  constructor(cluster: SimCluster, profile: RunProfile) {
    this.cluster = cluster;
    this.random = cluster.random.fork();
    this.profile = profile;
    const wanted = FAULTS_OF_FOCUS[profile.focus];
    const often = Array.from({ length: OCCASIONAL_FAULTS.length }, () => wanted).flat();
    this.#faults = [...OCCASIONAL_FAULTS, ...often];
    cluster.network.record();
    this.#strikeLater();
  }

  /** Makes one of the faults that this run is for, now. */
  strike(): void {
    const wanted = FAULTS_OF_FOCUS[this.profile.focus];
    if (wanted.length > 0) {
      this.random.pick(wanted)(this);
    }
  }

  /** From now on only what `strike` does, so that nothing keeps the fault of the run from happening. */
  narrow(): void {
    this.#faults = [];
    this.cluster.network.heal();
    for (const node of this.cluster.nodes) {
      this.revive(node);
    }
  }

  /** No new faults, and every present one ends now. */
  stop(): void {
    this.#isStopped = true;
    const { cluster } = this;
    const shortMs = cluster.electionMs / 200;
    cluster.network.heal();
    cluster.network.setAllLinks({ ...GOOD_LINK, delayMinMs: 0, delayMaxMs: shortMs });
    for (const node of cluster.nodes) {
      node.disk.repair();
      node.thawTicks();
      node.disk.timing = { ...FAST_DISK, syncMaxMs: shortMs, readMaxMs: shortMs };
      node.host = { ...PROMPT_HOST, tickMs: node.host.tickMs };
      this.revive(node);
    }
  }

  /** Asks a node, whatever it is, for something that only an administrator asks for. */
  ask(nodeId: NodeId, request: AdminRequest): void {
    this.adminCalls.push(this.cluster.ask(nodeId, request));
  }

  /** Runs `undo` after a random time, unless everything was undone before. */
  later(minMs: number, maxMs: number, undo: () => void): void {
    this.cluster.queue.after(this.random.between(minMs, maxMs), () => {
      if (!this.#isStopped) {
        undo();
      }
    });
  }

  /** A running node, the leader as often as not; null when none runs. */
  victim(): SimNode | null {
    const { leader, nodes } = this.cluster;
    if (leader !== null && !leader.isPaused && this.random.chance(0.5)) {
      return leader;
    }
    const running = nodes.filter((node) => node.isUp && !node.isPaused);
    return running.length === 0 ? null : this.random.pick(running);
  }

  /** Starts a node that is down, on a monotonic clock that begins anew; resumes one that stands. */
  revive(node: SimNode): void {
    if (!node.isUp) {
      node.clock.restartAt(this.random.between(0, 1e6));
      node.start();
    } else if (node.isPaused) {
      node.resume();
    }
  }

  /** A disk may fail long after it was told to: then nobody has planned for the end of it. */
  #reviveForgotten(): void {
    for (const node of this.cluster.nodes) {
      if (!node.isUp && this.random.chance(0.1)) {
        this.revive(node);
      }
    }
  }

  #strikeLater(): void {
    this.later(this.profile.calmMaxMs / 10, this.profile.calmMaxMs, () => {
      if (this.#faults.length > 0) {
        this.random.pick(this.#faults)(this);
      }
      this.#reviveForgotten();
      this.#strikeLater();
    });
  }
}
