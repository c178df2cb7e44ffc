import {
  MEMBER_ROLE,
  type OwnIdentity,
  refuseMember,
  refusePeer,
} from "../../transport/membership-check.ts";
import { storeCapabilities } from "../../transport/store-check.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimTrace } from "./sim-trace.ts";

const CLUSTER_ID = "sim";

/** Ids of simulated nodes are below. */
const MAX_NODES = 1 << 16;

type PeerInfo = Parameters<typeof refusePeer>[1];

/** What became of the connection between two processes. */
interface Connection {
  readonly fromStart: number;
  readonly toStart: number;
  readonly isOpen: boolean;
}

/**
 * The connections between processes. Each is made once, by the checks of the real transport on both sides; what two
 * processes refused each other stays refused as long as both live.
 */
export class SimHandshakes {
  readonly #queue: EventQueue;
  readonly #trace: SimTrace;
  /** By dialing and dialed node. */
  readonly #connections = new Map<number, Connection>();
  /** Connections that one of the two sides refused. */
  refused = 0;

  constructor(queue: EventQueue, trace: SimTrace) {
    this.#queue = queue;
    this.#trace = trace;
  }

  /** Whether messages of `from` may go to `to`; a node that is down refuses nobody. */
  isOpen(from: SimNode, to: SimNode): boolean {
    if (!from.isUp || !to.isUp) {
      return true;
    }
    const key = from.id * MAX_NODES + to.id;
    const known = this.#connections.get(key);
    const fromStart = from.counts.starts;
    const toStart = to.counts.starts;
    if (known !== undefined && known.fromStart === fromStart && known.toStart === toStart) {
      return known.isOpen;
    }
    const isOpen = this.#dial(from, to);
    this.#connections.set(key, { fromStart, toStart, isOpen });
    return isOpen;
  }

  /** The side that is dialed looks first. */
  #dial(from: SimNode, to: SimNode): boolean {
    const refusal =
      refusePeer(ownIdentity(to), announced(from)) ??
      refuseMember(ownIdentity(from), to.id, announced(to));
    if (refusal !== null) {
      this.refused++;
      this.#trace.add(this.#queue.nowMs, `refused ${from.id}>${to.id} ${refusal.code}`);
    }
    return refusal === null;
  }
}

function ownIdentity({ id, counts, stores }: SimNode): OwnIdentity {
  const processId = `${id}:${counts.starts}`;
  return { processId, clusterId: CLUSTER_ID, nodeId: id, stores };
}

function announced(node: SimNode): PeerInfo {
  const { processId, clusterId, nodeId, stores } = ownIdentity(node);
  return {
    processId,
    clusterId,
    nodeId,
    role: MEMBER_ROLE,
    capabilities: storeCapabilities(stores),
    limits: { maxFrameBytes: 1, maxInFlightRequests: 1, maxInFlightBytes: 1 },
    protocolMinor: 0,
    address: "sim",
    identity: { kind: "anonymous", name: "" },
  };
}
