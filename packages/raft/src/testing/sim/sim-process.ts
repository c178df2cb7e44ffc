import { InputKind, type Input } from "../../core/input.ts";
import type { LogState } from "../../core/log-state.ts";
import type { Message, NodeId } from "../../core/message.ts";
import type { CoreOptions } from "../../core/options.ts";
import type { Output } from "../../core/output.ts";
import { RaftCore } from "../../core/raft-core.ts";
import { type AdminCall, adminInput } from "./admin-call.ts";
import { ApplyLoop } from "./apply-loop.ts";
import { CallIntake } from "./call-intake.ts";
import { ClientDesk } from "./client-desk.ts";
import type { ClientCall, ClientHistory } from "../check/client-history.ts";
import { describeInput, describeRole, describeWrite } from "./describe.ts";
import type { EventQueue } from "./event-queue.ts";
import { ensure } from "./sim-failure.ts";
import type { RegisterCommand } from "./register-machine.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimRandom } from "./sim-random.ts";
import type { SimTrace } from "./sim-trace.ts";
import type { StepWatch } from "./step-watch.ts";
import { TwinCore } from "./twin-core.ts";

export interface ProcessParts {
  readonly node: SimNode;
  readonly voters: readonly NodeId[];
  readonly observers: readonly NodeId[];
  readonly options: CoreOptions;
  readonly queue: EventQueue;
  readonly random: SimRandom;
  readonly trace: SimTrace;
  readonly history: ClientHistory;
  readonly watch: StepWatch;
  readonly send: (message: Message) => void;
}

export type Work = Input | ClientCall | AdminCall;

/** One run of one node, from start to death: a core with its inbox, machine and waiting clients. */
export class SimProcess {
  readonly applier: ApplyLoop;
  readonly desk: ClientDesk;
  readonly intake: CallIntake;
  readonly #parts: ProcessParts;
  readonly #node: SimNode;
  readonly #twin: TwinCore;
  #inbox: Work[] = [];
  /** Requests of administrators; the place is the token. */
  readonly #asked: AdminCall[] = [];
  #isTurnDue = false;
  #isPaused = false;
  #areTicksFrozen = false;
  #isDead = false;

  constructor(parts: ProcessParts, state: LogState) {
    const { node, voters, observers, options, queue, random } = parts;
    this.#parts = parts;
    this.#node = node;
    const { id } = node;
    const seed = random.bits();
    const core = { id, voters, observers, options, state, appliedIndex: 0, seed };
    this.#twin = new TwinCore(new RaftCore(core, node.clock.nowMs()));
    this.desk = new ClientDesk(parts.history);
    this.intake = new CallIntake(this, node, parts.history, random);
    this.applier = new ApplyLoop(this, node, queue, random);
    this.say(`starts t${state.hardState.term} last ${state.lastIndex}`);
  }

  get core(): RaftCore {
    return this.#twin.core;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Calls without an answer, those not looked at yet included. */
  get waitingCalls(): number {
    return this.desk.waiting + this.#inbox.filter(isCall).length;
  }

  /** First look at the clock; ticks come by themselves from now on. */
  begin(): void {
    this.#tickLater(this.#parts.random.between(0, this.#node.host.tickMs));
    this.#dueTurn();
  }

  pause(): void {
    this.#isPaused = true;
    this.say("pauses");
  }

  resume(): void {
    this.#isPaused = false;
    this.say("resumes");
    this.#dueTurn();
  }

  freezeTicks(): void {
    this.#areTicksFrozen = true;
    this.say("ticks stop");
  }

  thawTicks(): void {
    this.#areTicksFrozen = false;
    this.say("ticks go on");
  }

  die(how: string): void {
    this.say(how);
    this.#isDead = true;
    this.applier.close();
    for (const call of this.#inbox.filter(isCall)) {
      this.#parts.history.lose(call);
    }
    this.#inbox = [];
    this.desk.abandon();
  }

  enqueue(work: Work): void {
    if (!this.#isDead) {
      this.#inbox.push(work);
      this.#dueTurn();
    }
  }

  step(input: Input): void {
    const text = describeInput(input);
    if (text !== "") {
      this.say(text);
    }
    const { clock } = this.#node;
    this.#twin.step(input, clock.nowMs(), clock.wallMs());
    this.#parts.watch.stepped(this.#node);
  }

  take(): void {
    while (this.core.hasOutput) {
      this.#perform(this.#twin.take());
    }
    this.#parts.watch.taken(this.#node);
    this.applier.pump();
  }

  onApplied(index: number, term: number, command: RegisterCommand | null, digest: number): void {
    this.#parts.watch.applied(this.#node, index, term, digest);
    if (command !== null) {
      this.#parts.history.noteApplied(command, index);
    }
    this.desk.noteApplied(index, command);
  }

  onBatchesApplied(): void {
    this.desk.serveReads(this.applier.machine);
    this.enqueue({ kind: InputKind.applied, index: this.applier.machine.appliedIndex });
  }

  say(what: string): void {
    this.#parts.trace.add(this.#parts.queue.nowMs, `n${this.#node.id} ${what}`);
  }

  #perform(output: Output): void {
    const { watch, send } = this.#parts;
    const { desk } = this;
    const { disk, counts } = this.#node;
    const { write, roleChange } = output;
    // Nothing here keeps, sends or restores one: a run that gets this far would prove nothing.
    ensure(output.snapshots === null, "script", "a bare core asks for snapshots, see `SimGroups`");
    if (write !== null) {
      this.say(describeWrite(write));
      watch.writing(this.#node, write);
      disk.write(write, (io) => this.enqueue({ kind: InputKind.persisted, io }));
      watch.wrote(this.#node, write);
    }
    for (const message of output.messages) {
      watch.sending(this.#node, message);
      send(message);
    }
    for (const { batch } of output.proposeDrops) {
      counts.proposeDrops++;
      desk.dropWrites(batch);
    }
    if (output.leadershipLost) {
      desk.loseWrites();
    }
    for (const { token, index } of output.readGrants) {
      counts.confirmedReads++;
      desk.grantRead(token, index);
    }
    for (const { token } of output.readDrops) {
      desk.dropRead(token);
    }
    for (const { to, firstIndex, lastIndex, maxBytes } of output.logReads) {
      counts.logReads++;
      disk.read(firstIndex, lastIndex, maxBytes, (batches) =>
        this.enqueue({ kind: InputKind.logRead, to, firstIndex, batches }),
      );
    }
    for (const answer of output.answers) {
      (this.#asked[answer.token] as AdminCall).answer = answer;
    }
    if (roleChange !== null) {
      const { role, term, leaderId } = roleChange;
      this.say(`is ${describeRole(role)} in t${term}, leader ${leaderId}`);
    }
    desk.serveReads(this.applier.machine);
  }

  #dueTurn(): void {
    if (this.#isTurnDue || this.#isPaused) {
      return;
    }
    this.#isTurnDue = true;
    const { queue, random } = this.#parts;
    queue.after(random.between(0, this.#node.host.turnMaxMs), () => {
      this.#isTurnDue = false;
      if (!this.#isPaused && !this.#isDead) {
        this.#turn();
      }
    });
  }

  #turn(): void {
    const { random } = this.#parts;
    const { host } = this.#node;
    const inbox = this.#inbox;
    this.#inbox = [];
    for (let at = 0; at < inbox.length;) {
      at += this.#handle(inbox, at);
      if (random.chance(host.takeEarlyRate)) {
        this.take();
      }
    }
    this.take();
    if (random.chance(host.cloneRate)) {
      this.#twin.cloneNow();
      this.#node.counts.clones++;
    }
  }

  /** Handles the work at `from` and the calls of the same kind behind it; returns how many. */
  #handle(inbox: readonly Work[], from: number): number {
    const first = inbox[from] as Work;
    if (first.kind === "admin") {
      this.step(adminInput(this.#asked.push(first) - 1, first.request));
      return 1;
    }
    if (!isCall(first)) {
      this.step(first);
      return 1;
    }
    const calls: ClientCall[] = [];
    for (let at = from; at < inbox.length; at++) {
      const work = inbox[at] as Work;
      if (!isCall(work) || work.kind !== first.kind) {
        break;
      }
      calls.push(work);
    }
    this.intake.accept(calls);
    return calls.length;
  }

  #tickLater(localMs: number): void {
    this.#parts.queue.after(this.#node.clock.trueSpan(localMs), () => {
      if (!this.#isDead) {
        if (!this.#isPaused && !this.#areTicksFrozen) {
          this.enqueue({ kind: InputKind.tick });
        }
        this.#tickLater(this.#node.host.tickMs);
      }
    });
  }
}

function isCall(work: Work): work is ClientCall {
  return work.kind === "write" || work.kind === "read";
}
