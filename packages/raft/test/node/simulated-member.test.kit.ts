import { crc32 } from "@dt/codec";
import { ByteWriter } from "@dt/codec";
import { type Clock, Dispatcher, type TimerHandle } from "@dt/fiber";
import type { LogState } from "../../src/core/log-state.ts";
import type { Message } from "../../src/core/message.ts";
import type { Write } from "../../src/core/output.ts";
import type { EntryBatch } from "../../src/entry/entry-batch.ts";
import type { RaftLog } from "../../src/log/raft-log.ts";
import type { EntryCursor } from "../../src/node/entry-cursor.ts";
import type { ResolvedGroupOptions } from "../../src/node/group-options.ts";
import { SILENT_LOGGER } from "../../src/node/logger.ts";
import { RaftGroup } from "../../src/node/raft-group.ts";
import type { StateMachine } from "../../src/node/state-machine.ts";
import type { TransportReceiver } from "../../src/node/transport.ts";
import {
  type ClientCall,
  type ClientHistory,
  type DriftingClock,
  encodeCommand,
  type EventQueue,
  type Ledger,
  type SimDisk,
} from "../../src/testing/index.ts";
import { decodeMessageBody, encodeMessageBody } from "../../src/transport/message-codec.ts";

class ProcessTimer implements TimerHandle {
  readonly atMs: number;
  isCleared = false;

  constructor(atMs: number) {
    this.atMs = atMs;
  }
}

/** The clock of one process: silent when the process is dead, late while it stands still. */
class ProcessClock implements Clock {
  isDead = false;
  readonly #queue: EventQueue;
  readonly #clock: DriftingClock;
  /** What waits for a process that stands still; null while it runs. */
  #backlog: (() => void)[] | null = null;

  constructor(queue: EventQueue, clock: DriftingClock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  setTimer(atMs: number, fn: () => void): TimerHandle {
    // A little late, because converting between clocks rounds.
    const delayMs = Math.max(0, this.#clock.trueSpan(atMs - this.nowMs())) + 1e-6;
    const timer = new ProcessTimer(atMs);
    this.#queue.after(delayMs, () =>
      this.run(() => {
        if (!timer.isCleared) {
          fn();
        }
      }),
    );
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    if (handle instanceof ProcessTimer) {
      handle.isCleared = true;
    }
  }

  defer(fn: () => void): void {
    this.#queue.after(0, () => this.run(fn));
  }

  run(fn: () => void): void {
    if (this.isDead) {
      return;
    }
    if (this.#backlog === null) {
      fn();
    } else {
      this.#backlog.push(fn);
    }
  }

  pause(): void {
    this.#backlog ??= [];
  }

  resume(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = null;
    for (const fn of backlog) {
      this.defer(fn);
    }
  }
}

/** A `RaftLog` on a simulated disk: strict about what may be read. */
class SimulatedLog implements RaftLog {
  readonly #disk: SimDisk;
  readonly #clock: ProcessClock;

  constructor(disk: SimDisk, clock: ProcessClock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  open(): Promise<LogState> {
    return Promise.resolve(this.#disk.durable.state());
  }

  get firstIndex(): number {
    return this.#disk.durable.firstIndex;
  }

  termAt(index: number): number | null {
    const { durable } = this.#disk;
    const isHere = index >= durable.firstIndex - 1 && index <= durable.lastIndex;
    return isHere ? durable.termAt(index) : null;
  }

  firstIndexAtOrAfter(timestampMs: number): Promise<number> {
    return Promise.resolve(this.#disk.durable.firstIndexAtOrAfter(timestampMs));
  }

  dropHead(beforeIndex: number): void {
    this.#disk.dropHead(beforeIndex);
  }

  write(write: Write, done: (error: Error | null) => void): void {
    this.#disk.write(write, () => this.#clock.run(() => done(null)));
  }

  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    return new Promise((resolve) => {
      this.#disk.read(firstIndex, lastIndex, maxBytes, (batches) =>
        this.#clock.run(() => resolve([...batches])),
      );
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Registers that hold the id of their last write. */
class Registers implements StateMachine<number> {
  readonly values = new Map<number, number>();
  appliedIndex = 0;
  #digest = 0;
  readonly #nodeId: number;
  readonly #history: ClientHistory;
  readonly #ledger: Ledger;

  constructor(nodeId: number, history: ClientHistory, ledger: Ledger) {
    this.#nodeId = nodeId;
    this.#history = history;
    this.#ledger = ledger;
  }

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      const { buf, start, end, index } = entries;
      const id = buf.readUInt32BE(start);
      const command = { id, client: buf.readUInt16BE(start + 4), key: buf.readUInt16BE(start + 6) };
      this.values.set(command.key, id);
      this.#digest = crc32(buf, start, end, this.#digest);
      this.appliedIndex = index;
      this.#ledger.noteDigest(this.#nodeId, index, this.#digest);
      this.#history.noteApplied(command, index);
      results.push(id);
    }
  }
}

export interface MemberParts {
  readonly id: number;
  readonly ids: readonly number[];
  readonly queue: EventQueue;
  readonly clock: DriftingClock;
  readonly disk: SimDisk;
  readonly history: ClientHistory;
  readonly ledger: Ledger;
  readonly options: ResolvedGroupOptions;
  readonly seed: number;
  readonly send: (message: Message) => void;
}

/** One member that runs a `RaftGroup` on a simulated disk, clock and network. */
export class SimulatedMember {
  readonly id: number;
  readonly disk: SimDisk;
  readonly #parts: MemberParts;
  #clock: ProcessClock | null = null;
  #group: RaftGroup<number> | null = null;
  #machine: Registers | null = null;
  #receiver: TransportReceiver | null = null;
  readonly #waiting = new Set<ClientCall>();

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.disk = parts.disk;
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

  get group(): RaftGroup<number> | null {
    return this.#group;
  }

  /** Starts a process; the group is there when its promises have run. */
  async start(): Promise<void> {
    const { id, ids, queue, clock, history, ledger, options, seed, send } = this.#parts;
    const processClock = new ProcessClock(queue, clock);
    const machine = new Registers(id, history, ledger);
    this.#clock = processClock;
    this.#machine = machine;
    const transport = {
      send: (_groupId: number, message: Message) => {
        send(message);
        return true;
      },
      register: (_groupId: number, receiver: TransportReceiver) => void (this.#receiver = receiver),
      unregister: () => void (this.#receiver = null),
    };
    const group = await RaftGroup.open<number>(
      {
        groupId: 1,
        nodeId: id,
        members: ids.map((nodeId) => ({ nodeId, host: `host${nodeId}`, port: 7000 })),
        stateMachine: machine,
        log: new SimulatedLog(this.disk, processClock),
        options,
        seed,
      },
      {
        dispatcher: new Dispatcher({ clock: processClock }),
        clock: processClock,
        transport,
        logger: SILENT_LOGGER,
      },
    );
    if (!processClock.isDead) {
      this.#group = group;
    }
  }

  crash(): void {
    this.disk.crash();
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
