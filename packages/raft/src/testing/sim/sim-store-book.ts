import type { NodeId } from "../../core/message.ts";
import type { StoreBook } from "../../transport/store-check.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimDisk } from "./sim-disk.ts";
import type { SimRandom } from "./sim-random.ts";

/**
 * What one node remembers of the others' stores, and the id of its own: as a data directory keeps
 * them. What is remembered counts at once and is durable one sync later, unless the process dies first.
 */
export class SimStoreBook implements StoreBook {
  readonly #queue: EventQueue;
  readonly #random: SimRandom;
  readonly #disk: SimDisk;
  #ownStore: string;
  #known = new Map<NodeId, string>();
  #durable = new Map<NodeId, string>();
  /** Grows when the process dies: what it had under way is lost. */
  #epoch = 0;

  constructor(queue: EventQueue, random: SimRandom, disk: SimDisk) {
    this.#queue = queue;
    this.#random = random;
    this.#disk = disk;
    this.#ownStore = drawStore(random);
  }

  get ownStore(): string {
    return this.#ownStore;
  }

  knownStore(nodeId: NodeId): string | null {
    return this.#known.get(nodeId) ?? null;
  }

  /** Whether the node would know the other's store again after a crash at this instant. */
  isDurable(nodeId: NodeId): boolean {
    return this.#durable.has(nodeId);
  }

  remember(nodeId: NodeId, store: string): void {
    this.#known.set(nodeId, store);
    const epoch = this.#epoch;
    const { syncMinMs, syncMaxMs } = this.#disk.timing;
    this.#queue.after(this.#random.between(syncMinMs, syncMaxMs), () => {
      if (epoch === this.#epoch) {
        this.#durable.set(nodeId, store);
      }
    });
  }

  /** The process died: the next one reads what is durable. */
  reopen(): void {
    this.#epoch++;
    this.#known = new Map(this.#durable);
  }

  /** The directory is gone; the next process makes another one. */
  wipe(): void {
    this.#durable.clear();
    this.reopen();
    this.#ownStore = drawStore(this.#random);
  }
}

/** 32 hexadecimal digits. */
function drawStore(random: SimRandom): string {
  return Array.from({ length: 4 }, () => random.bits().toString(16).padStart(8, "0")).join("");
}
