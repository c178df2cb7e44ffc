import type { NodeId } from "../../core/message.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import type { RegisterCommand } from "../sim/register-machine.ts";
import { ensure } from "../sim/sim-failure.ts";
import type { SimTrace } from "../sim/sim-trace.ts";

/**
 * How a call ended. "refused": it certainly did not happen and never will. "unknown": a write that
 * may still happen, or a read without an answer.
 */
export type CallOutcome = "pending" | "ok" | "refused" | "unknown";

/** One request of a client, from the invocation to its end. */
export interface ClientCall {
  readonly kind: "write" | "read";
  /** Unique in the run; a write writes it. */
  readonly id: number;
  readonly client: number;
  readonly key: number;
  readonly nodeId: NodeId;
  readonly payloadBytes: number;
  readonly invokedAtMs: number;
  /** Highest index that some client knew to be committed when this call was made. */
  readonly floorIndex: number;
  outcome: CallOutcome;
  settledAtMs: number;
  /** Write: the entry's index. Read: the index of the state that was read. */
  index: number;
  /** Read: the id that was found, 0 for none. */
  value: number;
  /** Called once, when the call has ended. */
  onSettled: ((call: ClientCall) => void) | null;
}

/**
 * All calls of all clients, with the rules that need no search: an acknowledged write is at its
 * index for ever, a refused one nowhere, each write at most once, and a read reflects every write
 * and every read that had ended before it began.
 */
export class ClientHistory {
  readonly calls: ClientCall[] = [];
  readonly #queue: EventQueue;
  readonly #trace: SimTrace;
  /** Index of the entry of each applied write. */
  readonly #appliedAt = new Map<number, number>();
  readonly #refused = new Set<number>();
  #floorIndex = 0;

  constructor(queue: EventQueue, trace: SimTrace) {
    this.#queue = queue;
    this.#trace = trace;
  }

  invoke(
    kind: ClientCall["kind"],
    nodeId: NodeId,
    client: number,
    key: number,
    payloadBytes: number,
  ): ClientCall {
    const call: ClientCall = {
      kind,
      id: this.calls.length + 1,
      client,
      key,
      nodeId,
      payloadBytes,
      invokedAtMs: this.#queue.nowMs,
      floorIndex: this.#floorIndex,
      outcome: "pending",
      settledAtMs: Infinity,
      index: 0,
      value: 0,
      onSettled: null,
    };
    this.calls.push(call);
    this.#trace.add(this.#queue.nowMs, `call ${call.id} ${kind} k${key} at n${nodeId}`);
    return call;
  }

  /** Where a write was applied; 0 for nowhere. */
  appliedIndexOf(id: number): number {
    return this.#appliedAt.get(id) ?? 0;
  }

  /** The write is committed at `index`, or the read found `value` in the state at `index`. */
  succeed(call: ClientCall, index: number, value: number): void {
    call.index = index;
    call.value = value;
    if (call.kind === "write") {
      ensure(
        this.#appliedAt.get(call.id) === index,
        "history",
        () =>
          `write ${call.id} is acknowledged at ${index} but was applied at ` +
          `${String(this.#appliedAt.get(call.id))}`,
      );
    } else {
      ensure(
        index >= call.floorIndex,
        "I11",
        () =>
          `read ${call.id} at node ${call.nodeId} saw the state at ${index}, but a client had been ` +
          `told about ${call.floorIndex} before it began`,
      );
    }
    this.#floorIndex = Math.max(this.#floorIndex, index);
    this.#settle(call, "ok");
  }

  refuse(call: ClientCall): void {
    ensure(
      !this.#appliedAt.has(call.id),
      "history",
      () =>
        `write ${call.id} is refused but was applied at ${String(this.#appliedAt.get(call.id))}`,
    );
    if (call.kind === "write") {
      this.#refused.add(call.id);
    }
    this.#settle(call, "refused");
  }

  /** Nobody knows what became of the call. */
  lose(call: ClientCall): void {
    this.#settle(call, "unknown");
  }

  /** A node applied the write; called for every node. */
  noteApplied(command: RegisterCommand, index: number): void {
    const earlier = this.#appliedAt.get(command.id);
    ensure(
      earlier === undefined || earlier === index,
      "I12",
      () => `write ${command.id} is applied at ${index} and at ${String(earlier)}`,
    );
    ensure(
      !this.#refused.has(command.id),
      "history",
      () => `write ${command.id} was refused and is applied at ${index}`,
    );
    this.#appliedAt.set(command.id, index);
  }

  #settle(call: ClientCall, outcome: CallOutcome): void {
    ensure(call.outcome === "pending", "history", () => `call ${call.id} ends twice`);
    call.outcome = outcome;
    call.settledAtMs = this.#queue.nowMs;
    this.#trace.add(this.#queue.nowMs, `call ${call.id} ${outcome} ${call.index} ${call.value}`);
    call.onSettled?.(call);
  }
}
