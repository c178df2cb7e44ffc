import assert from "node:assert/strict";
import { Dispatcher, VirtualClock } from "@dt/fiber";
import { DEFAULT_GROUP_OPTIONS, resolveGroupOptions } from "../../src/node/group-options.ts";
import type { GroupOptions } from "../../src/node/group-options.ts";
import type { EntryCursor } from "../../src/node/entry-cursor.ts";
import { SILENT_LOGGER } from "../../src/node/logger.ts";
import { RaftGroup } from "../../src/node/raft-group.ts";
import type {
  Proposal,
  ReadWaiter,
  SnapshotSource,
  StateMachine,
} from "../../src/node/state-machine.ts";
import type { RaftTransport, TransportReceiver } from "../../src/node/transport.ts";
import { MemorySnapshotStore } from "../../src/log/memory-snapshot-store.ts";
import { SnapshotSlots } from "../../src/node/snapshots/snapshot-slots.ts";
import type { SessionCallId, SessionKey } from "../../src/entry/session-prefix.ts";
import { SimRandom } from "../../src/testing/index.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { RaftLog } from "../../src/log/raft-log.ts";
import type { Message, NodeId } from "../../src/core/message.ts";
import type { RaftError } from "../../src/errors.ts";

/** Keeps the payloads in order; answers with their count. */
export class ListMachine implements StateMachine<number> {
  items: string[] = [];
  /** Refuses to be restored. */
  isStubborn = false;
  /** Refuses to begin a snapshot. */
  isUnwilling = false;
  snapshotsTaken = 0;
  /** What a restore waits for. */
  beforeRestore: () => Promise<void> = () => Promise.resolve();
  /** Throws when it meets this payload. */
  poison = "";

  encodeResult(result: number): Buffer {
    return Buffer.from(String(result));
  }

  decodeResult(bytes: Buffer): number {
    return Number(bytes.toString());
  }

  takeSnapshot(): SnapshotSource {
    if (this.isUnwilling) {
      throw new Error("this machine begins no snapshot");
    }
    this.snapshotsTaken++;
    return new ListSource(this.items);
  }

  async restoreSnapshot(chunks: AsyncIterable<Buffer>): Promise<void> {
    await this.beforeRestore();
    const parts: Buffer[] = [];
    for await (const chunk of chunks) {
      parts.push(Buffer.from(chunk));
    }
    if (this.isStubborn) {
      throw new Error("this machine restores nothing");
    }
    this.items = Buffer.concat(parts).toString("utf8").split("\n").slice(0, -1);
  }

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      const item = entries.buf.toString("utf8", entries.start, entries.end);
      if (item === this.poison) {
        throw new Error(`poisoned by ${item}`);
      }
      results.push(this.items.push(item));
    }
  }
}

/** Keeps no results, so its group has no sessions. */
class ForgetfulMachine extends ListMachine {
  constructor() {
    super();
    Object.assign(this, { encodeResult: undefined, decodeResult: undefined });
  }
}

/** Reads a list as it was: items are only ever added behind. */
class ListSource implements SnapshotSource {
  readonly #items: readonly string[];
  readonly #count: number;
  #at = 0;

  constructor(items: readonly string[]) {
    this.#items = items;
    this.#count = items.length;
  }

  next(maxBytes: number): Buffer | null {
    const parts: string[] = [];
    for (let bytes = 0; this.#at < this.#count && bytes < maxBytes; this.#at++) {
      const item = `${this.#items[this.#at] as string}\n`;
      parts.push(item);
      bytes += item.length;
    }
    return parts.length === 0 ? null : Buffer.from(parts.join(""));
  }

  close(): void {
    // Nothing is held.
  }
}

export class Outcome implements Proposal<number>, ReadWaiter {
  text = "waits";
  error: RaftError | null = null;
  index = 0;
  /** Of the session that was opened. */
  key: SessionKey | null = null;

  succeed(result: number, index: number): void {
    this.#end(`result ${result}`);
    this.index = index;
  }

  ready(): void {
    this.#end("ready");
  }

  fail(error: RaftError): void {
    this.#end(error.code);
    this.error = error;
  }

  #end(text: string): void {
    assert.equal(this.text, "waits", "an outcome is told once");
    this.text = text;
  }
}

interface Node {
  readonly id: NodeId;
  log: RaftLog;
  snapshots: MemorySnapshotStore | undefined;
  machine: ListMachine;
  group: RaftGroup<number> | null;
  dispatcher: Dispatcher;
}

/** Members of one group in one process, on virtual time and a network that can be cut. */
export class GroupCluster {
  readonly clock = new VirtualClock();
  readonly nodes: Node[];
  readonly #options: GroupOptions;
  readonly #receivers = new Map<NodeId, TransportReceiver>();
  readonly #cut = new Set<string>();
  readonly #secrets = new SimRandom(1);
  /** What becomes of each message on its way: delivered as it is returned, lost when nothing is. */
  onWay: (message: Message) => Message | null = (message) => message;
  slots = new SnapshotSlots();
  /** Nothing more is taken for these nodes: the queue to them is full. */
  readonly refusesTo = new Set<NodeId>();
  readonly refused: Message[] = [];
  /** State machines keep results for sessions. */
  makesResults = true;

  constructor(size: number, options: GroupOptions = {}) {
    this.#options = options;
    this.nodes = Array.from({ length: size }, (_, i) => ({
      id: i + 1,
      log: new MemoryLog({ defer: (task) => this.clock.defer(task) }),
      snapshots: undefined,
      machine: new ListMachine(),
      group: null,
      dispatcher: new Dispatcher({ clock: this.clock }),
    }));
  }

  /** Gives every node a place for snapshots; before they are started. */
  keepSnapshots(): this {
    for (const node of this.nodes) {
      node.snapshots = new MemorySnapshotStore();
    }
    return this;
  }

  /** Messages to `peer` were lost, as the transport of `id` would say. */
  loseConnection(id: NodeId, peer: NodeId): void {
    this.#receivers.get(id)?.onUnreachable(peer);
  }

  async start(...ids: NodeId[]): Promise<void> {
    for (const node of this.nodes) {
      if (ids.length === 0 || ids.includes(node.id)) {
        await this.#open(node);
      }
    }
  }

  /** Moves time on in small steps, letting promises of the logs settle in between. */
  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advance(10);
      await settlePromises();
    }
  }

  async runUntil(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
    for (let passed = 0; !condition(); passed += 10) {
      assert.ok(passed < limitMs, `not within ${limitMs} ms: ${what}`);
      await this.run(10);
    }
  }

  /** The one running leader in the highest term that has committed in it. */
  async leader(): Promise<Node & { group: RaftGroup<number> }> {
    let found: (Node & { group: RaftGroup<number> }) | undefined;
    await this.runUntil("a readable leader", () => {
      for (const node of this.nodes) {
        const { group } = node;
        if (group !== null && group.canReadNow()) {
          found = { ...node, group };
        }
      }
      return found !== undefined;
    });
    assert.ok(found);
    return found;
  }

  /** The readable leader, when it is another one than `id`. */
  async runUntilOther(id: NodeId): Promise<Node & { group: RaftGroup<number> }> {
    const isOther = ({ id: each, group }: Node): boolean =>
      each !== id && group?.canReadNow() === true;
    await this.runUntil("another leader", () => this.nodes.some(isOther));
    const node = this.nodes.find(isOther);
    assert.ok(node?.group);
    return { ...node, group: node.group };
  }

  propose(group: RaftGroup<number>, text: string): Outcome {
    const outcome = new Outcome();
    const payload = Buffer.from(text);
    group.propose(1, payload, 0, payload.length, outcome);
    payload.fill(0xff);
    return outcome;
  }

  openSession(group: RaftGroup<number>, owner = 1n): Outcome {
    const outcome = new Outcome();
    group.openSession(owner, {
      succeed: (key) => {
        outcome.key = key;
        outcome.succeed(0, key.session);
      },
      fail: (error) => outcome.fail(error),
    });
    return outcome;
  }

  /** Proposes in a session. */
  call(group: RaftGroup<number>, id: SessionCallId, text: string): Outcome {
    const outcome = new Outcome();
    const payload = Buffer.from(text);
    group.inSession(id, () => group.propose(1, payload, 0, payload.length, outcome), outcome);
    return outcome;
  }

  read(group: RaftGroup<number>): Outcome {
    const outcome = new Outcome();
    group.read(outcome);
    return outcome;
  }

  isolate(id: NodeId): void {
    for (const node of this.nodes) {
      this.#cut.add(`${id}>${node.id}`);
      this.#cut.add(`${node.id}>${id}`);
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  async stop(id: NodeId): Promise<void> {
    const node = this.node(id);
    const closing = node.group?.close();
    node.group = null;
    await this.run(10);
    await closing;
  }

  node(id: NodeId): Node {
    const node = this.nodes.find((each) => each.id === id);
    assert.ok(node);
    return node;
  }

  async #open(node: Node): Promise<void> {
    node.machine = this.makesResults ? new ListMachine() : new ForgetfulMachine();
    const opening = RaftGroup.open<number>(
      {
        groupId: 1,
        nodeId: node.id,
        members: this.nodes.map(({ id }) => ({ nodeId: id, host: `host${id}`, port: 7000 + id })),
        stateMachine: node.machine,
        log: node.log,
        snapshots: node.snapshots,
        options: resolveGroupOptions({ ...DEFAULT_GROUP_OPTIONS, ...this.#options }),
        seed: 1000 + node.id,
      },
      {
        dispatcher: node.dispatcher,
        clock: this.clock,
        transport: this.#transportOf(node.id),
        logger: SILENT_LOGGER,
        drawSecret: () => (BigInt(this.#secrets.bits()) << 32n) | BigInt(this.#secrets.bits()),
        snapshotSlots: this.slots,
      },
    );
    let isOpen = false;
    const opened = opening.finally(() => (isOpen = true));
    await settlePromises();
    while (!isOpen) {
      // It waits for its log.
      await Promise.race([this.run(10), opened]);
    }
    node.group = await opened;
  }

  #transportOf(from: NodeId): RaftTransport {
    return {
      send: (_groupId: number, message: Message) => {
        if (this.refusesTo.has(message.to)) {
          this.refused.push(message);
          return false;
        }
        this.clock.setTimer(this.clock.nowMs() + 1, () => {
          const arrived = this.#cut.has(`${from}>${message.to}`) ? null : this.onWay(message);
          if (arrived !== null) {
            this.#receivers.get(message.to)?.onMessage(arrived);
          }
        });
        return true;
      },
      register: (_groupId, receiver) => this.#receivers.set(from, receiver),
      setMembers: () => undefined,
      unregister: () => this.#receivers.delete(from),
    };
  }
}

async function settlePromises(): Promise<void> {
  for (let i = 0; i < 8; i++) {
    await Promise.resolve();
  }
}
