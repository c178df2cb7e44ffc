// Hot path: per turn. Bench: apps/bench raft.
import { type FiberGen, sleep } from "@dt/fiber";
import { InputKind } from "../core/input.ts";
import type { Input } from "../core/input.ts";
import type { Output, SnapshotWork } from "../core/output.ts";
import type { GroupConfig, GroupDeps } from "./group-config.ts";
import type { GroupParts } from "./group-parts.ts";

/**
 * Runs a group turn by turn: each steps the core with everything that arrived since the last one, does what it says,
 * applies, answers. It is the group's fiber, and nothing else touches the core or the state machine.
 */
export class GroupLoop<R> {
  readonly #config: GroupConfig<R>;
  readonly #deps: GroupDeps;
  readonly #parts: GroupParts<R>;
  #isTickDue = false;
  #nextRetryMs = 0;
  /** A signal given within a turn is followed by the next one at once: nothing else would run in between. */
  readonly #goOn = (): void => this.#parts.signal.give();

  constructor(config: GroupConfig<R>, deps: GroupDeps, parts: GroupParts<R>) {
    this.#config = config;
    this.#deps = deps;
    this.#parts = parts;
  }

  /** Never ends. */
  *run(): FiberGen<void> {
    const { signal, standing } = this.#parts;
    for (;;) {
      yield* signal.take();
      if (standing.stopped === null) {
        this.#turn();
      }
    }
  }

  /** Lets the turns know that time passes; never ends. */
  *tick(): FiberGen<void> {
    for (;;) {
      yield* sleep(this.#config.options.tickMs);
      this.#isTickDue = true;
      this.#parts.onInput(TICK);
    }
  }

  /** The disk is full: writes are tried again in a while. */
  onNoSpace(): void {
    this.#nextRetryMs = this.#deps.clock.nowMs() + this.#config.options.noSpaceRetryMs;
  }

  #turn(): void {
    const { core, standing, proposals, reads, admin, snapshots, signal } = this.#parts;
    const nowMs = this.#deps.clock.nowMs();
    const wallMs = this.#deps.clock.wallMs();
    const wasTransferring = core.transferTo !== 0;
    this.#stepArrived(nowMs, wallMs);
    proposals.step(nowMs, wallMs);
    reads.step(nowMs, wallMs);
    while (standing.stopped === null && core.hasOutput) {
      const output = core.take();
      if (output.leadershipLost) {
        // Whose entry is committed already gets its answer.
        this.#apply(nowMs, wallMs);
        proposals.loseLeadership(wasTransferring, nowMs);
      }
      this.#carryOut(output);
    }
    this.#apply(nowMs, wallMs);
    if (reads.queue.count > 0 && (core.isRemoved || core.isForsaken(nowMs))) {
      // What they wait for is applied elsewhere, and not here any more.
      reads.queue.failAll(standing.notLeader);
    }
    proposals.releaseHeld(nowMs);
    if (admin.isBusy) {
      admin.onTurn();
    }
    if (this.#isTickDue && standing.stopped === null) {
      this.#isTickDue = false;
      snapshots?.onTick();
    }
    if (core.hasOutput) {
      signal.give();
    }
  }

  #stepArrived(nowMs: number, wallMs: number): void {
    const { arrivals, core, writes } = this.#parts;
    arrivals.stepInto(core, nowMs, wallMs);
    if (writes.isFull && nowMs >= this.#nextRetryMs) {
      this.#nextRetryMs = nowMs + this.#config.options.noSpaceRetryMs;
      writes.retry();
    }
  }

  #carryOut(output: Output): void {
    const { groupId, nodeId } = this.#config;
    const { admin, carrier, snapshots, standing } = this.#parts;
    if (output.leadershipLost) {
      snapshots?.onLeadershipLost();
    }
    if (output.roleChange !== null || output.configuration !== null) {
      standing.onLeaderChange();
    }
    if (output.roleChange !== null) {
      this.#deps.logger.info({ groupId, nodeId, ...output.roleChange }, "role changed");
    }
    if (output.configuration !== null) {
      this.#deps.transport.setMembers(groupId, output.configuration.members);
    }
    admin.onAnswers(output.answers);
    carrier.carry(output, standing.notLeader);
    if (output.snapshots !== null) {
      this.#carrySnapshots(output.snapshots, output.write?.io.sequence ?? 0);
    }
  }

  #carrySnapshots(work: Readonly<SnapshotWork>, sequence: number): void {
    const { snapshots, onInput } = this.#parts;
    if (snapshots !== null) {
      snapshots.carry(work, sequence);
      return;
    }
    for (const to of work.sends) {
      onInput({ kind: InputKind.snapshotSent, to, index: 0 });
    }
  }

  #apply(nowMs: number, wallMs: number): void {
    const { applies, core, reads } = this.#parts;
    const before = applies.appliedIndex;
    const hasMore = applies.run();
    const index = applies.appliedIndex;
    if (index > before) {
      core.step({ kind: InputKind.applied, index }, nowMs, wallMs);
    }
    reads.queue.serve(index);
    if (hasMore) {
      this.#deps.clock.defer(this.#goOn);
    }
  }
}

const TICK: Input = Object.freeze({ kind: InputKind.tick });
