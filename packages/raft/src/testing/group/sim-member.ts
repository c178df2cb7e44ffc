import { ByteWriter } from "@dt/codec";
import { Dispatcher } from "@dt/fiber";
import type { Message } from "../../core/message.ts";
import type { ResolvedGroupOptions } from "../../node/group-options.ts";
import type { RaftLog } from "../../log/raft-log.ts";
import type { MemorySnapshotStore } from "../../log/memory-snapshot-store.ts";
import type { SnapshotStore } from "../../log/snapshot-store.ts";
import type { Member } from "../../entry/config-payload.ts";
import type { SessionCallId } from "../../entry/session-prefix.ts";
import { SILENT_LOGGER } from "../../node/logger.ts";
import { RaftGroup } from "../../node/raft-group.ts";
import type { Proposal, SessionWaiter } from "../../node/state-machine.ts";
import type { TransportReceiver } from "../../node/transport.ts";
import { decodeMessageBody, encodeMessageBody } from "../../transport/message-codec.ts";
import type { ClientCall, ClientHistory } from "../check/client-history.ts";
import type { Ledger } from "../check/ledger.ts";
import type { DriftingClock } from "../sim/drifting-clock.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import { encodeCommand } from "../sim/register-machine.ts";
import { SimRandom } from "../sim/sim-random.ts";
import type { MemberStorage } from "./member-storage.ts";
import { ProcessClock } from "./process-clock.ts";
import { RegisterGroupMachine } from "./register-group-machine.ts";

export interface MemberParts {
  readonly id: number;
  /** Members that the group starts with. */
  readonly ids: readonly number[];
  readonly queue: EventQueue;
  readonly clock: DriftingClock;
  readonly storage: MemberStorage;
  readonly history: ClientHistory;
  readonly ledger: Ledger;
  readonly options: ResolvedGroupOptions;
  readonly seed: number;
  readonly send: (message: Message) => void;
  /** Where the member keeps snapshots; undefined = it takes none. */
  readonly snapshots?: MemorySnapshotStore | undefined;
}

/** All clients of a run are one owner. */
const OWNER = 1n;

/** Where a simulated member is said to be. */
export function simAddress(nodeId: number): Member {
  return { nodeId, host: `host${nodeId}`, port: 7000 };
}

/** One member that runs a `RaftGroup` on a simulated storage, clock and network. */
export class SimMember {
  readonly id: number;
  readonly storage: MemberStorage;
  readonly #parts: MemberParts;
  #clock: ProcessClock | null = null;
  #group: RaftGroup<number> | null = null;
  #machine: RegisterGroupMachine | null = null;
  #receiver: TransportReceiver | null = null;
  #log: RaftLog | null = null;
  #earlierRestores = 0;
  readonly #waiting = new Set<ClientCall>();

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.storage = parts.storage;
  }

  get clock(): DriftingClock {
    return this.#parts.clock;
  }

  get isUp(): boolean {
    return this.#clock !== null;
  }

  get waitingCalls(): number {
    return this.#waiting.size;
  }

  get appliedIndex(): number {
    return this.#machine?.appliedIndex ?? 0;
  }

  /** How often the member was restored from a snapshot. */
  get restores(): number {
    return this.#earlierRestores + (this.#machine?.restores ?? 0);
  }

  /** First index that its log holds; 1 before it was ever opened. */
  get firstIndex(): number {
    return this.#log?.firstIndex ?? 1;
  }

  get group(): RaftGroup<number> | null {
    return this.#group;
  }

  /** Starts a process; the group is there when its promises have run. */
  async start(): Promise<void> {
    const { id, ids, queue, clock, history, ledger, options, seed, send } = this.#parts;
    const processClock = new ProcessClock(queue, clock);
    const machine = new RegisterGroupMachine(id, history, ledger);
    const log = this.storage.openLog(processClock);
    this.#log = log;
    this.#earlierRestores = this.restores;
    this.#clock = processClock;
    this.#machine = machine;
    const secrets = new SimRandom(seed);
    const transport = {
      send: (_groupId: number, message: Message) => {
        send(message);
        return true;
      },
      register: (_groupId: number, receiver: TransportReceiver) => void (this.#receiver = receiver),
      setMembers: () => undefined,
      unregister: () => void (this.#receiver = null),
    };
    const group = await RaftGroup.open<number>(
      {
        groupId: 1,
        nodeId: id,
        members: ids.map(simAddress),
        stateMachine: machine,
        log,
        snapshots: this.#openSnapshots(processClock),
        options,
        seed,
      },
      {
        dispatcher: new Dispatcher({ clock: processClock }),
        clock: processClock,
        transport,
        logger: SILENT_LOGGER,
        drawSecret: () => (BigInt(secrets.bits()) << 32n) | BigInt(secrets.bits()),
      },
    );
    if (!processClock.isDead) {
      this.#group = group;
    }
  }

  /** Those of the storage where it has a place for them; only for members that take any. */
  #openSnapshots(clock: ProcessClock): SnapshotStore | undefined {
    const { snapshots } = this.#parts;
    return snapshots === undefined ? undefined : (this.storage.openSnapshots?.(clock) ?? snapshots);
  }

  crash(): void {
    this.storage.crash();
    if (this.#clock !== null) {
      this.#clock.isDead = true;
    }
    this.#clock = null;
    this.#group = null;
    this.#receiver = null;
    for (const call of this.#waiting) {
      this.#parts.history.lose(call);
    }
    this.#waiting.clear();
  }

  pause(): void {
    this.#clock?.pause();
  }

  resume(): void {
    this.#clock?.resume();
  }

  /** The message as its bytes give it. */
  receive(message: Message): void {
    const writer = new ByteWriter();
    encodeMessageBody(writer, message);
    const bytes = Buffer.from(writer.buf.subarray(0, writer.pos));
    const { message: decoded, fault } = decodeMessageBody(message.kind, bytes, 0, bytes.length);
    if (decoded === null) {
      throw new Error(`a message does not survive its encoding: ${fault.reason}`);
    }
    this.#clock?.run(() => this.#receiver?.onMessage(decoded));
  }

  unreachable(peer: number): void {
    this.#clock?.run(() => this.#receiver?.onUnreachable(peer));
  }

  /** Nothing is heard from a process that is down or dies. */
  openSession(waiter: SessionWaiter): void {
    this.#clock?.run(() => this.#group?.openSession(OWNER, waiter));
  }

  /** Proposes the write as a call of a session; whoever calls settles it in the history. */
  callInSession(id: SessionCallId, call: ClientCall, proposal: Proposal<number>): void {
    this.#clock?.run(() => {
      const payload = encodeCommand(call, call.payloadBytes);
      const group = this.#group;
      group?.inSession(id, () => group.propose(1, payload, 0, payload.length, proposal), proposal);
    });
  }

  submit(call: ClientCall): void {
    const { history } = this.#parts;
    if (this.#clock === null) {
      history.refuse(call);
      return;
    }
    this.#waiting.add(call);
    this.#clock.run(() => this.#serve(call));
  }

  #serve(call: ClientCall): void {
    const { history } = this.#parts;
    const group = this.#group;
    if (group === null) {
      this.#end(call, () => history.refuse(call));
    } else if (call.kind === "write") {
      const payload = encodeCommand(call, call.payloadBytes);
      group.propose(1, payload, 0, payload.length, {
        succeed: (_, index) => this.#end(call, () => history.succeed(call, index, 0)),
        fail: (error) =>
          this.#end(call, () =>
            error.mayHaveExecuted ? history.lose(call) : history.refuse(call),
          ),
      });
    } else if (group.canReadNow()) {
      this.#answerRead(call);
    } else {
      group.read({
        ready: () => this.#answerRead(call),
        fail: () => this.#end(call, () => history.refuse(call)),
      });
    }
  }

  #answerRead(call: ClientCall): void {
    const machine = this.#machine;
    const value = machine?.values.get(call.key) ?? 0;
    this.#end(call, () => this.#parts.history.succeed(call, machine?.appliedIndex ?? 0, value));
  }

  #end(call: ClientCall, settle: () => void): void {
    this.#waiting.delete(call);
    settle();
  }
}
