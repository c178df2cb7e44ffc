import { InputKind, type Input } from "../../core/input.ts";
import type { NodeId, SnapshotChunk, SnapshotReply } from "../../core/message.ts";
import {
  isSnapshotDamaged,
  isSnapshotNotFound,
  type SnapshotMeta,
} from "../../log/snapshot-store.ts";
import type { Logger } from "../logger.ts";
import type { SnapshotCatalog } from "./snapshot-catalog.ts";
import type { SnapshotSlots } from "./snapshot-slots.ts";
import { SnapshotTransfer, type TransferLimits } from "./snapshot-transfer.ts";

export interface SenderParts {
  readonly groupId: number;
  readonly nodeId: NodeId;
  readonly catalog: SnapshotCatalog;
  readonly slots: SnapshotSlots;
  readonly limits: TransferLimits;
  /** Milliseconds until a follower that was busy is asked again. */
  readonly retryMs: number;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly term: () => number;
  /** The log still continues a snapshot at this index. */
  readonly isUsable: (meta: SnapshotMeta) => boolean;
  /** The node is a member, and this one leads it. */
  readonly isFollower: (id: NodeId) => boolean;
  /** Makes one that can be sent; it is heard of by `onSnapshot`. */
  readonly build: () => void;
  readonly send: (chunk: SnapshotChunk) => boolean;
  readonly onInput: (input: Input) => void;
}

/** One follower's wait: for a slot, for a snapshot, for a later try, or for the transfer's end. */
interface Delivery {
  readonly to: NodeId;
  /** An older snapshot is of no use to it: its log begins later. */
  readonly leastIndex: number;
  readonly begin: () => void;
  hasSlot: boolean;
  /** For a snapshot that can be sent, without a slot: building one may take long, and others have one to send. */
  isWaiting: boolean;
  isOpening: boolean;
  retryAtMs: number;
  transfer: SnapshotTransfer | null;
}

/** Sends snapshots to the followers that need one; each on its own, few at a time per host. */
export class SnapshotSender {
  readonly #parts: SenderParts;
  readonly #deliveries = new Map<NodeId, Delivery>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return this.#deliveries.size === 0;
  }

  /** The core wants `to` to get one, of `leastIndex` or later. */
  start(to: NodeId, leastIndex = 0): void {
    this.#stop(to);
    const begin = (): void => {
      delivery.hasSlot = true;
      this.#open(delivery);
    };
    const delivery: Delivery = {
      to,
      leastIndex,
      begin,
      hasSlot: false,
      isWaiting: false,
      isOpening: false,
      retryAtMs: Infinity,
      transfer: null,
    };
    this.#deliveries.set(to, delivery);
    this.#parts.slots.requestSend(begin);
  }

  onReply(reply: SnapshotReply): void {
    this.#deliveries.get(reply.from)?.transfer?.onReply(reply, this.#parts.nowMs());
  }

  /** Another snapshot is in the store, or none could be made. */
  onSnapshot(): void {
    for (const delivery of this.#deliveries.values()) {
      if (delivery.isWaiting) {
        delivery.isWaiting = false;
        this.#parts.slots.requestSend(delivery.begin);
      }
    }
  }

  onTick(): void {
    const nowMs = this.#parts.nowMs();
    for (const delivery of this.#deliveries.values()) {
      if (!this.#parts.isFollower(delivery.to)) {
        this.#stop(delivery.to);
      } else if (nowMs >= delivery.retryAtMs) {
        delivery.retryAtMs = Infinity;
        this.#parts.slots.requestSend(delivery.begin);
      } else {
        delivery.transfer?.onTick(nowMs);
      }
    }
  }

  onUnreachable(peer: NodeId): void {
    const delivery = this.#deliveries.get(peer);
    if (delivery === undefined) {
      return;
    }
    if (delivery.transfer === null) {
      this.#end(delivery, 0);
    } else {
      delivery.transfer.onUnreachable();
    }
  }

  /** This node leads no longer, or stops. */
  stopAll(): void {
    for (const to of this.#deliveries.keys()) {
      this.#stop(to);
    }
  }

  #open(delivery: Delivery): void {
    const { catalog, isUsable, build } = this.#parts;
    const meta = catalog.newest;
    if (delivery.isOpening || !this.#isCurrent(delivery)) {
      return;
    }
    if (meta === null || !isUsable(meta) || meta.index < delivery.leastIndex) {
      delivery.isWaiting = true;
      this.#releaseSlot(delivery);
      build();
      return;
    }
    delivery.isOpening = true;
    catalog.read(meta).then(
      (reader) => {
        delivery.isOpening = false;
        if (!this.#isCurrent(delivery) || delivery.transfer !== null) {
          reader.close().catch(() => {
            // Nothing was written through it.
          });
          return;
        }
        const { nodeId, term, limits, nowMs, send } = this.#parts;
        const route = { from: nodeId, to: delivery.to, term: term() };
        const events = {
          send,
          done: (index: number) => this.#end(delivery, index),
          postponed: () => this.#postpone(delivery),
          failed: (error: unknown) => this.#onFailed(delivery, meta, error),
        };
        delivery.transfer = new SnapshotTransfer(route, reader, limits, events, nowMs());
        delivery.transfer.begin();
      },
      (error: unknown) => {
        delivery.isOpening = false;
        this.#onFailed(delivery, meta, error);
      },
    );
  }

  #onFailed(delivery: Delivery, meta: SnapshotMeta, error: unknown): void {
    const { groupId, logger, catalog } = this.#parts;
    if (isSnapshotDamaged(error) || isSnapshotNotFound(error)) {
      catalog.discard(meta, error);
    } else {
      const { to } = delivery;
      logger.info({ groupId, peer: to, id: meta.id, err: error }, "sending a snapshot failed");
    }
    this.#end(delivery, 0);
  }

  #postpone(delivery: Delivery): void {
    delivery.transfer = null;
    this.#releaseSlot(delivery);
    delivery.retryAtMs = this.#parts.nowMs() + this.#parts.retryMs;
  }

  #end(delivery: Delivery, index: number): void {
    if (this.#isCurrent(delivery)) {
      this.#stop(delivery.to);
      this.#parts.onInput({ kind: InputKind.snapshotSent, to: delivery.to, index });
    }
  }

  #stop(to: NodeId): void {
    const delivery = this.#deliveries.get(to);
    if (delivery === undefined) {
      return;
    }
    this.#deliveries.delete(to);
    delivery.transfer?.close();
    if (!this.#parts.slots.cancelSend(delivery.begin)) {
      this.#releaseSlot(delivery);
    }
  }

  #releaseSlot(delivery: Delivery): void {
    if (delivery.hasSlot) {
      delivery.hasSlot = false;
      this.#parts.slots.releaseSend();
    }
  }

  #isCurrent(delivery: Delivery): boolean {
    return this.#deliveries.get(delivery.to) === delivery;
  }
}
