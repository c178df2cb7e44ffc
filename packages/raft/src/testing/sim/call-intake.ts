import { InputKind } from "../../core/input.ts";
import { Role } from "../../core/output.ts";
import { BatchBuilder } from "../../entry/batch-builder.ts";
import type { EntryBatch } from "../../entry/entry-batch.ts";
import { EntryType } from "../../entry/record.ts";
import type { ClientCall, ClientHistory } from "../check/client-history.ts";
import { encodeCommand } from "./register-machine.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SimRandom } from "./sim-random.ts";

/** A batch and the calls whose entries it holds, one each. */
export interface SealedWrites {
  readonly batch: EntryBatch;
  readonly calls: readonly ClientCall[];
}

/** Turns the calls of clients into proposals and reads of the core, as a host does. */
export class CallIntake {
  readonly #process: SimProcess;
  readonly #node: SimNode;
  readonly #history: ClientHistory;
  readonly #random: SimRandom;

  constructor(process: SimProcess, node: SimNode, history: ClientHistory, random: SimRandom) {
    this.#process = process;
    this.#node = node;
    this.#history = history;
    this.#random = random;
  }

  /** Calls of one kind that came together. */
  accept(calls: readonly ClientCall[]): void {
    if (calls[0]?.kind === "read") {
      this.#read(calls);
    } else {
      this.#write(calls);
    }
  }

  /** Makes the writes the entries that follow the log as it is now. */
  seal(calls: readonly ClientCall[]): SealedWrites[] {
    const builder = new BatchBuilder(4096);
    for (const call of calls) {
      const payload = encodeCommand(call, call.payloadBytes);
      builder.add(EntryType.normal, 1, payload, 0, payload.length);
    }
    const { lastIndex, term, lastChain } = this.#process.core;
    const wallMs = this.#node.clock.wallMs();
    let done = 0;
    return builder.seal(lastIndex + 1, term, wallMs, lastChain).map((batch) => {
      const from = done;
      done += batch.lastIndex - batch.firstIndex + 1;
      return { batch, calls: calls.slice(from, done) };
    });
  }

  /** Proposes sealed writes as they are. */
  offer(sealed: readonly SealedWrites[]): void {
    for (const { batch, calls } of sealed) {
      this.#process.desk.addWrites(batch, calls);
      this.#process.step({ kind: InputKind.propose, batch });
    }
  }

  #write(calls: readonly ClientCall[]): void {
    const leads = this.#process.core.role === Role.leader;
    if (leads || this.#random.chance(this.#node.host.blindRate)) {
      this.offer(this.seal(calls));
      return;
    }
    for (const call of calls) {
      this.#history.refuse(call);
    }
  }

  #read(calls: readonly ClientCall[]): void {
    const { core, desk, applier } = this.#process;
    const { machine } = applier;
    const { host, clock, counts } = this.#node;
    const hasLease = core.isReadable && clock.nowMs() < core.leaseUntilMs();
    if (host.useLease && hasLease && machine.appliedIndex >= core.commitIndex) {
      counts.leaseReads += calls.length;
      desk.serveNow(calls, machine);
      return;
    }
    const rounds = host.shareReads ? [calls] : calls.map((call) => [call]);
    for (const round of rounds) {
      const token = desk.addRead(round);
      this.#process.step({ kind: InputKind.read, token, mayAskLeader: host.askLeader });
    }
  }
}
