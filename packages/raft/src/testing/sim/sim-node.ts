import type { Input } from "../../core/input.ts";
import type { NodeId } from "../../core/message.ts";
import { Role } from "../../core/output.ts";
import type { RaftCore } from "../../core/raft-core.ts";
import type { SealedWrites } from "./call-intake.ts";
import type { ClientCall } from "../check/client-history.ts";
import type { DriftingClock } from "./drifting-clock.ts";
import type { RegisterMachine } from "./register-machine.ts";
import type { SimDisk } from "./sim-disk.ts";
import type { SimStoreBook } from "./sim-store-book.ts";
import { ensure } from "./sim-failure.ts";
import type { HostTiming } from "./host-timing.ts";
import { type ProcessParts, SimProcess, type Work } from "./sim-process.ts";

/** What happened on one node over all its runs. */
export interface NodeCounts {
  starts: number;
  crashes: number;
  stops: number;
  pauses: number;
  /** Processes that ended because a sync failed. */
  diskFailures: number;
  /** Times that the ticks of a process stood still while it went on otherwise. */
  tickStalls: number;
  /** Writes lost by crashes. */
  lostWrites: number;
  /** Entries that lagging followers needed from the disk. */
  logReads: number;
  leaseReads: number;
  /** Read tokens confirmed by a round of messages. */
  confirmedReads: number;
  proposeDrops: number;
  clones: number;
  /** Disks lost for good. */
  wipes: number;
}

export type NodeParts = Omit<ProcessParts, "node"> & {
  readonly host: HostTiming;
  readonly stores: SimStoreBook;
  /** Told of every process that runs from now on. */
  readonly onStart: (node: SimNode) => void;
};

/** One member: a disk and a clock that last, and a process that comes and goes. */
export class SimNode {
  readonly id: NodeId;
  readonly clock: DriftingClock;
  readonly disk: SimDisk;
  readonly counts: NodeCounts = {
    starts: 0,
    crashes: 0,
    stops: 0,
    pauses: 0,
    diskFailures: 0,
    tickStalls: 0,
    lostWrites: 0,
    logReads: 0,
    leaseReads: 0,
    confirmedReads: 0,
    proposeDrops: 0,
    clones: 0,
    wipes: 0,
  };
  /** Which store each other node came with; on the same disk. */
  readonly stores: SimStoreBook;
  /** How the process runs; may change while it does. */
  host: HostTiming;
  readonly #parts: NodeParts;
  #process: SimProcess | null = null;

  constructor(id: NodeId, clock: DriftingClock, disk: SimDisk, parts: NodeParts) {
    this.id = id;
    this.clock = clock;
    this.disk = disk;
    this.host = parts.host;
    this.stores = parts.stores;
    this.#parts = parts;
    disk.onFailure = () => this.#failDisk();
  }

  get isUp(): boolean {
    return this.#process !== null;
  }

  /** Whether it lost its disk at some time. */
  get isWiped(): boolean {
    return this.counts.wipes > 0;
  }

  get isPaused(): boolean {
    return this.#process?.isPaused === true;
  }

  /** The running core; a script error when the node is down. */
  get core(): RaftCore {
    return this.#running.core;
  }

  /** The running state machine; a script error when the node is down. */
  get machine(): RegisterMachine {
    return this.#running.applier.machine;
  }

  get leads(): boolean {
    return this.#process?.core.role === Role.leader;
  }

  /** Client calls without an answer. */
  get waitingCalls(): number {
    return this.#process?.waitingCalls ?? 0;
  }

  /** Starts a process with what the disk holds; it ends at once when that is damaged. */
  start(): void {
    ensure(this.#process === null, "script", () => `node ${this.id} is up already`);
    this.counts.starts++;
    const state = this.disk.open();
    if (state === null) {
      this.#parts.trace.add(this.#parts.queue.nowMs, `n${this.id} finds its log damaged`);
      return;
    }
    const process = new SimProcess({ ...this.#parts, node: this }, state);
    this.#process = process;
    this.#parts.watch.started(this);
    this.#parts.onStart(this);
    process.begin();
  }

  /** Power is cut: memory and what was not synced are gone. */
  crash(): void {
    const lost = this.disk.crash();
    this.counts.crashes++;
    this.counts.lostWrites += lost;
    this.#die(`crashes, ${lost} writes lost`);
  }

  /** Power is cut and the disk is lost: the next process finds an empty one. */
  wipe(): void {
    if (this.isUp) {
      this.crash();
    }
    this.disk.wipe();
    this.stores.wipe();
    this.counts.wipes++;
    this.#parts.trace.add(this.#parts.queue.nowMs, `n${this.id} loses its disk`);
  }

  /** The process dies, what it wrote survives. */
  stop(): void {
    this.disk.stop();
    this.counts.stops++;
    this.#die("stops");
  }

  /** The process stands still; what arrives waits for it. */
  pause(): void {
    this.counts.pauses++;
    this.#running.pause();
  }

  resume(): void {
    this.#running.resume();
  }

  /** No ticks until `thawTicks`; messages and calls are handled as ever. */
  freezeTicks(): void {
    this.counts.tickStalls++;
    this.#running.freezeTicks();
  }

  thawTicks(): void {
    this.#process?.thawTicks();
  }

  /** Queues work for the next turn. A node that is down loses messages and refuses calls. */
  enqueue(work: Work): void {
    if (this.#process !== null) {
      this.#process.enqueue(work);
    } else if (work.kind === "write" || work.kind === "read") {
      this.#parts.history.refuse(work);
    }
  }

  /** Hands one input to the core now and leaves its output there, see `take`. */
  step(input: Input): void {
    this.#running.step(input);
  }

  /** Proposes the writes now and leaves the output in the core. */
  propose(calls: readonly ClientCall[]): void {
    this.offer(this.seal(calls));
  }

  /** Makes the writes the next entries of the log as it is now, to be offered then or later. */
  seal(calls: readonly ClientCall[]): SealedWrites[] {
    return this.#running.intake.seal(calls);
  }

  /** Proposes sealed writes and leaves the output in the core. */
  offer(sealed: readonly SealedWrites[]): void {
    this.#running.intake.offer(sealed);
  }

  /** Takes the core's output and does what it asks for. */
  take(): void {
    this.#running.take();
  }

  get #running(): SimProcess {
    ensure(this.#process !== null, "script", () => `node ${this.id} is down`);
    return this.#process;
  }

  /** Part of what was not synced may be on the platter, none of it was reported. */
  #failDisk(): void {
    this.disk.crash();
    this.counts.diskFailures++;
    this.#die("stops, its disk failed");
  }

  #die(how: string): void {
    this.#running.die(how);
    this.#process = null;
    this.stores.reopen();
    this.#parts.watch.died(this);
  }
}
