import type { NodeId } from "../../core/message.ts";
import type { ClientCall } from "../check/client-history.ts";
import type { SimCluster } from "../sim/sim-cluster.ts";
import type { SimRandom } from "../sim/sim-random.ts";

export interface ClientLoad {
  readonly clients: number;
  readonly keys: number;
  /** Part of the calls that are reads. */
  readonly readRate: number;
  /** Longest pause between two calls of a client. */
  readonly thinkMaxMs: number;
  /** A client gives up a call after this time and goes on. */
  readonly patienceMs: number;
  /** How often a client asks any node instead of the one that answered last. */
  readonly strayRate: number;
  readonly payloadMaxBytes: number;
}

/** Clients that read and write registers, one call at a time each, until stopped. */
export class SimClients {
  readonly #cluster: SimCluster;
  readonly #random: SimRandom;
  readonly #load: ClientLoad;
  #isStopped = false;
  /** Where the last answer came from; clients of one site tell each other. */
  #lastGood: NodeId = 1;

  constructor(cluster: SimCluster, load: ClientLoad) {
    this.#cluster = cluster;
    this.#random = cluster.random.fork();
    this.#load = load;
    for (let client = 1; client <= load.clients; client++) {
      this.#callLater(client);
    }
  }

  /** No new calls from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  #callLater(client: number): void {
    const delayMs = this.#random.between(0, this.#load.thinkMaxMs);
    this.#cluster.queue.after(delayMs, () => {
      if (!this.#isStopped) {
        this.#call(client);
      }
    });
  }

  #call(client: number): void {
    const { keys, readRate, strayRate, patienceMs, payloadMaxBytes } = this.#load;
    const random = this.#random;
    const key = random.int(1, keys);
    const nodeId = random.chance(strayRate) ? random.pick(this.#cluster.nodes).id : this.#lastGood;
    let isOver = false;
    const goOn = (call: ClientCall): void => {
      if (call.outcome === "ok") {
        this.#lastGood = call.nodeId;
      } else if (call.nodeId === this.#lastGood) {
        this.#lastGood = random.pick(this.#cluster.nodes).id;
      }
      if (!isOver) {
        isOver = true;
        this.#callLater(client);
      }
    };
    const isRead = random.chance(readRate);
    const call = isRead
      ? this.#cluster.read(nodeId, key, client, goOn)
      : this.#cluster.write(nodeId, key, client, random.int(8, payloadMaxBytes), goOn);
    this.#cluster.queue.after(patienceMs, () => {
      if (call.outcome === "pending") {
        goOn(call);
      }
    });
  }
}
