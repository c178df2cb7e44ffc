// What does applying one entry cost, and looking a key up?
// Run: node dist/bench/store.bench.js [keys]
import { ByteWriter } from "@dt/codec";
import { EntryKind } from "../src/command/numbers.ts";
import { encodePut } from "../src/command/put.ts";
import { KvStateMachine } from "../src/state-machine.ts";
import { toByteKey } from "../src/store/byte-key.ts";
import { DirectoryNode } from "../src/store/node.ts";
import { listPage } from "../src/store/page.ts";
import { measure, print, printEnvironment, pseudoRandom } from "./measure.ts";

const KEY_COUNT = Number(process.argv[2] ?? 100_000);
const NEW_KEY_COUNT = Math.max(KEY_COUNT, 100_000);
const VALUE = Buffer.alloc(256, "v");
const DIRECTORY_COUNT = 100;
const PAYLOAD_COUNT = 1 << 14;
const OPERATIONS = 1 << 20;
const TIMESTAMP_MS = 1_800_000_000_000;

/** The payloads of many puts in one buffer, as in a batch of log records. */
class Payloads {
  readonly #writer = new ByteWriter(1 << 20);
  readonly #ends: number[] = [0];

  add(key: string): void {
    encodePut(this.#writer, { key, value: VALUE });
    this.#ends.push(this.#writer.pos);
  }

  get count(): number {
    return this.#ends.length - 1;
  }

  apply(stateMachine: KvStateMachine, at: number): void {
    const outcome = stateMachine.apply(
      EntryKind.put,
      this.#writer.buf,
      this.#ends[at] ?? 0,
      this.#ends[at + 1] ?? 0,
      TIMESTAMP_MS,
    );
    if (typeof outcome !== "number" || outcome <= 0) {
      throw new Error("a put was refused");
    }
  }
}

function keyName(i: number): string {
  return `services/dir-${i % DIRECTORY_COUNT}/key-${String(i).padStart(8, "0")}`;
}

function filled(keyCount: number): KvStateMachine {
  const stateMachine = new KvStateMachine();
  const payloads = new Payloads();
  for (let i = 0; i < keyCount; i++) {
    payloads.add(keyName(i));
  }
  for (let i = 0; i < keyCount; i++) {
    payloads.apply(stateMachine, i);
  }
  return stateMachine;
}

function putExisting(): void {
  const random = pseudoRandom(1);
  const stateMachine = filled(KEY_COUNT);
  const payloads = new Payloads();
  for (let i = 0; i < PAYLOAD_COUNT; i++) {
    payloads.add(keyName(random(KEY_COUNT)));
  }
  measure(`put, ${KEY_COUNT} keys, 256 B, existing`, OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      payloads.apply(stateMachine, i % PAYLOAD_COUNT);
    }
  });
}

function putNew(name: string, keyOf: (i: number) => string): void {
  const payloads = new Payloads();
  for (let i = 0; i < NEW_KEY_COUNT; i++) {
    payloads.add(keyOf(i));
  }
  measure(`put, ${NEW_KEY_COUNT} new keys, 256 B, ${name}`, NEW_KEY_COUNT, () => {
    const stateMachine = new KvStateMachine();
    for (let i = 0; i < NEW_KEY_COUNT; i++) {
      payloads.apply(stateMachine, i);
    }
  });
}

function find(): void {
  const random = pseudoRandom(2);
  const { tree } = filled(KEY_COUNT);
  const keys = Array.from({ length: PAYLOAD_COUNT }, () => keyName(random(KEY_COUNT)));
  const keyBytes = Buffer.byteLength(keys[0] ?? "");
  const bytes = Buffer.from(keys.map((key) => key.padEnd(keyBytes + 4)).join(""));
  const lengths = keys.map((key) => key.length);
  let found = 0;
  measure(`find, ${KEY_COUNT} keys`, OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      const at = (i % PAYLOAD_COUNT) * (keyBytes + 4);
      if (tree.findAt(bytes, at, at + (lengths[i % PAYLOAD_COUNT] ?? 0)) !== null) {
        found++;
      }
    }
  });
  if (found === 0) {
    throw new Error("no key was found");
  }
}

function list(): void {
  const { tree } = filled(KEY_COUNT);
  const directory = tree.find(toByteKey("services/dir-7"));
  if (!(directory instanceof DirectoryNode)) {
    throw new Error("the directory is not there");
  }
  const request = { isRecursive: false, startAfter: null, limit: 1000, maxBytes: 1 << 30 };
  const size = listPage(tree, directory, { ...request, isKeysOnly: false }).nodes.length;
  measure(`list ${size} of a directory, per entry`, size * 200, () => {
    for (let i = 0; i < 200; i++) {
      listPage(tree, directory, { ...request, isKeysOnly: false });
    }
  });
}

printEnvironment();
putExisting();
const random = pseudoRandom(3);
putNew("ascending, 100 directories", keyName);
putNew("random, 100 directories", () => keyName(random(1e8)));
putNew("random, one directory", () => `all/key-${String(random(1e8)).padStart(8, "0")}`);
find();
list();
print("");
