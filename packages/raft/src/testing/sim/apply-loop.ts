import type { EntryBatch } from "../../entry/entry-batch.ts";
import type { EventQueue } from "./event-queue.ts";
import { RegisterMachine } from "./register-machine.ts";
import { ensure } from "./sim-failure.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SimRandom } from "./sim-random.ts";

export interface ApplyTiming {
  /** Longest time that applying takes; 0 applies at once. */
  readonly applyMaxMs: number;
  /** Bytes applied at once, at least one entry. */
  readonly applyBytes: number;
}

/** Hands committed entries to the machine, from memory when the core has them, else from the disk. */
export class ApplyLoop {
  readonly machine = new RegisterMachine();
  readonly #process: SimProcess;
  readonly #node: SimNode;
  readonly #queue: EventQueue;
  readonly #random: SimRandom;
  #isBusy = false;
  #isClosed = false;

  constructor(process: SimProcess, node: SimNode, queue: EventQueue, random: SimRandom) {
    this.#process = process;
    this.#node = node;
    this.#queue = queue;
    this.#random = random;
  }

  /** Applies what is committed and not applied, or starts to. */
  pump(): void {
    while (!this.#isBusy && !this.#isClosed) {
      const { core } = this.#process;
      const first = this.machine.appliedIndex + 1;
      const last = core.commitIndex;
      if (first > last) {
        return;
      }
      const batches = core.tailBatches(first, last, this.#node.host.applyBytes);
      if (batches === null) {
        this.#readAndApply(first, Math.min(last, core.durableIndex));
        return;
      }
      const start = batches[0]?.firstIndex;
      const end = batches.at(-1)?.lastIndex ?? 0;
      const isRange = start === first && end >= first && end <= last;
      ensure(isRange, "tail", () => `tailBatches(${first}, ${last}) gave ${String(start)}..${end}`);
      if (this.#node.host.applyMaxMs === 0) {
        this.#apply(batches);
      } else {
        this.#applyLater(batches);
      }
    }
  }

  /** The process died. */
  close(): void {
    this.#isClosed = true;
  }

  #applyLater(batches: readonly EntryBatch[]): void {
    this.#isBusy = true;
    this.#queue.after(this.#random.between(0, this.#node.host.applyMaxMs), () => {
      this.#isBusy = false;
      this.#apply(batches);
    });
  }

  #readAndApply(first: number, last: number): void {
    this.#isBusy = true;
    this.#node.disk.read(first, last, this.#node.host.applyBytes, (batches) => {
      this.#isBusy = false;
      if (batches.length === 0) {
        this.#queue.after(this.#node.host.tickMs, () => this.pump());
      } else {
        this.#apply(batches);
      }
    });
  }

  #apply(batches: readonly EntryBatch[]): void {
    if (this.#isClosed) {
      return;
    }
    for (const batch of batches) {
      this.machine.apply(batch, this.#process);
    }
    this.#process.onBatchesApplied();
  }
}
