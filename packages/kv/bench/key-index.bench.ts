// What does finding a key cost, by its bytes in the index and by a string in a Map?
// Run: node dist/bench/key-index.bench.js [keys]
import { readKey, toByteKey } from "../src/store/byte-key.ts";
import type { ByteKey } from "../src/store/byte-key.ts";
import { KeyIndex } from "../src/store/key-index.ts";
import { ValueNode } from "../src/store/node.ts";
import type { Node } from "../src/store/node.ts";
import { measure, printEnvironment, pseudoRandom } from "./measure.ts";

const KEY_COUNT = Number(process.argv[2] ?? 100_000);
const SAMPLE_COUNT = 1 << 14;
const OPERATIONS = 1 << 20;

function keyName(i: number): string {
  return `services/dir-${i % 100}/key-${String(i).padStart(8, "0")}`;
}

const index = new KeyIndex();
const map = new Map<ByteKey, Node>();
for (let i = 0; i < KEY_COUNT; i++) {
  const node = new ValueNode(toByteKey(keyName(i)));
  index.add(node);
  map.set(node.key, node);
}

const random = pseudoRandom(1);
const samples = Array.from({ length: SAMPLE_COUNT }, () => keyName(random(KEY_COUNT)));
const bytes = Buffer.from(samples.join(""));
const ends = [0];
for (const sample of samples) {
  ends.push((ends.at(-1) ?? 0) + sample.length);
}

printEnvironment();
let found = 0;
measure(`by bytes, ${KEY_COUNT} keys`, OPERATIONS, () => {
  for (let i = 0; i < OPERATIONS; i++) {
    const at = i % SAMPLE_COUNT;
    found += index.find(bytes, ends[at] ?? 0, ends[at + 1] ?? 0) === null ? 0 : 1;
  }
});
measure(`by a string in a Map, ${KEY_COUNT} keys`, OPERATIONS, () => {
  for (let i = 0; i < OPERATIONS; i++) {
    const at = i % SAMPLE_COUNT;
    found += map.get(readKey(bytes, ends[at] ?? 0, ends[at + 1] ?? 0)) === undefined ? 0 : 1;
  }
});
if (found !== 10 * OPERATIONS) {
  throw new Error("a key was not found");
}
