// What does the server side of a put and a get cost in this package: handler, apply and reply, without socket and log?
// Run: node dist/bench/handlers.bench.js [keys] [depth]
import { ByteWriter } from "@dt/codec";
import type { Freshness, Proposal, ReadWaiter } from "@dt/raft";
import { CommandTable, IncomingRequest } from "@dt/rpc";
import type { Encode, Handler } from "@dt/rpc";
import { KvStateMachine } from "../src/state-machine.ts";
import type { KvResult } from "../src/state-machine.ts";
import { KvCommand } from "../src/command/numbers.ts";
import { encodeGet } from "../src/command/get.ts";
import { encodePut } from "../src/command/put.ts";
import type { GroupHandle } from "../src/server/group-handle.ts";
import { addKvCommands } from "../src/server/kv-commands.ts";
import { measure, printEnvironment, pseudoRandom } from "./measure.ts";

const KEY_COUNT = Number(process.argv[2] ?? 100_000);
const DEPTH = Number(process.argv[3] ?? 2000);
const VALUE = Buffer.alloc(256, "v");
const REQUEST_COUNT = 1 << 14;
const OPERATIONS = DEPTH * Math.ceil(1_000_000 / DEPTH);
const REPLY_BYTES = 1 << 20;

/** All replies go to one buffer, which starts again when it is full. */
const replies = new ByteWriter(REPLY_BYTES);

/** A request whose reply is encoded and then forgotten; it has no connection, which the handlers never ask for. */
class UnconnectedRequest extends IncomingRequest {
  constructor(command: number) {
    super(undefined as never, undefined as never, null, command, 0, 0, false, 0, 0);
  }

  override reply<A>(encode: Encode<A>, argument: A): void {
    if (replies.pos > REPLY_BYTES / 2) {
      replies.reset();
    }
    encode(replies, argument);
  }

  override fail(_status: number, code: string): void {
    throw new Error(`a request was refused: ${code}`);
  }
}

/** Gathers proposals as a group does and applies them together. */
class GatheringGroup implements GroupHandle {
  readonly stateMachine: KvStateMachine = new KvStateMachine();
  readonly #writer = new ByteWriter(1 << 20);
  readonly #ends: number[] = [];
  readonly #kinds: number[] = [];
  readonly #proposals: Proposal<KvResult>[] = [];

  propose(
    bizType: number,
    payload: Buffer,
    start: number,
    end: number,
    proposal: Proposal<KvResult>,
  ): void {
    this.#writer.range(payload, start, end);
    this.#ends.push(this.#writer.pos);
    this.#kinds.push(bizType);
    this.#proposals.push(proposal);
  }

  freshness(): Freshness {
    return { appliedIndex: 0, ageMs: 0 };
  }

  commit(): void {
    let start = 0;
    for (const [i, proposal] of this.#proposals.entries()) {
      const end = this.#ends[i] ?? start;
      const { buf } = this.#writer;
      proposal.succeed(this.stateMachine.apply(this.#kinds[i] ?? 0, buf, start, end, 1.8e12), i);
      start = end;
    }
    this.#writer.reset();
    this.#ends.length = 0;
    this.#kinds.length = 0;
    this.#proposals.length = 0;
  }

  canReadNow(): boolean {
    return true;
  }

  read(waiter: ReadWaiter): void {
    waiter.ready();
  }
}

/** Bodies of requests, one after the other in one buffer as in a chunk from a socket. */
class Requests {
  readonly #command: number;
  readonly #handler: Handler;
  readonly #writer = new ByteWriter(1 << 20);
  readonly #ends: number[] = [0];

  constructor(table: CommandTable, command: number) {
    this.#command = command;
    const handler = table.find(command);
    if (handler === null) {
      throw new Error(`command ${command} has no handler`);
    }
    this.#handler = handler;
  }

  add<A>(encode: Encode<A>, argument: A): void {
    encode(this.#writer, argument);
    this.#ends.push(this.#writer.pos);
  }

  send(at: number): void {
    this.#handler(
      new UnconnectedRequest(this.#command),
      this.#writer.buf,
      this.#ends[at] ?? 0,
      this.#ends[at + 1] ?? 0,
    );
  }
}

function keyName(i: number): string {
  return `services/dir-${i % 100}/key-${String(i).padStart(8, "0")}`;
}

const group = new GatheringGroup();
const table = new CommandTable();
addKvCommands(table, group, group.stateMachine);

const fill = new Requests(table, KvCommand.put);
for (let i = 0; i < KEY_COUNT; i++) {
  fill.add(encodePut, { key: keyName(i), value: VALUE });
}
for (let i = 0; i < KEY_COUNT; i++) {
  fill.send(i);
}
group.commit();

const random = pseudoRandom(1);
const puts = new Requests(table, KvCommand.put);
const gets = new Requests(table, KvCommand.get);
for (let i = 0; i < REQUEST_COUNT; i++) {
  puts.add(encodePut, { key: keyName(random(KEY_COUNT)), value: VALUE });
  gets.add(encodeGet, { key: keyName(random(KEY_COUNT)), flags: 0 });
}

printEnvironment();
measure(`put at depth ${DEPTH}, ${KEY_COUNT} keys, 256 B`, OPERATIONS, () => {
  for (let i = 0; i < OPERATIONS; i++) {
    puts.send(i % REQUEST_COUNT);
    if (i % DEPTH === DEPTH - 1) {
      group.commit();
    }
  }
});
measure(`get, ${KEY_COUNT} keys, 256 B`, OPERATIONS, () => {
  for (let i = 0; i < OPERATIONS; i++) {
    gets.send(i % REQUEST_COUNT);
  }
});
