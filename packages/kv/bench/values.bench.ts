// In what form should values be kept? Time of puts and gets, and memory, for each form; decisions/0001-records-in-slabs.md has the answer.
// Run: node dist/bench/values.bench.js [keys] [value bytes] [puts]; each form gets a process of its own.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { print, printEnvironment, pseudoRandom } from "./measure.ts";

const KEY_COUNT = Number(process.argv[2] ?? 1_000_000);
const VALUE_BYTES = Number(process.argv[3] ?? 256);
const PUT_COUNT = Number(process.argv[4] ?? 2_000_000);
const SLAB_BYTES = 1 << 20;

interface Form {
  /** Copies source[at, at + VALUE_BYTES) as the value of a key. */
  put(key: number, source: Buffer, at: number): void;
  /** Writes the value of a key to `to`. */
  get(key: number, to: Buffer): void;
}

function repeated<T>(value: T): T[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from takes eight times as long for a large array.
  return new Array<T>(KEY_COUNT).fill(value);
}

/** One buffer per value, of exactly its size. */
class OwnBuffer implements Form {
  readonly values = repeated<Buffer | null>(null);

  put(key: number, source: Buffer, at: number): void {
    const copy = Buffer.allocUnsafeSlow(VALUE_BYTES);
    source.copy(copy, 0, at, at + VALUE_BYTES);
    this.values[key] = copy;
  }

  get(key: number, to: Buffer): void {
    this.values[key]?.copy(to, 0);
  }
}

/** Views of slabs that are filled in the order of the puts; a slab lives as long as any of its values. */
class SlabView implements Form {
  readonly values = repeated<Buffer | null>(null);
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #pos = 0;

  put(key: number, source: Buffer, at: number): void {
    if (this.#pos + VALUE_BYTES > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#pos = 0;
    }
    source.copy(this.#slab, this.#pos, at, at + VALUE_BYTES);
    this.values[key] = this.#slab.subarray(this.#pos, this.#pos + VALUE_BYTES);
    this.#pos += VALUE_BYTES;
  }

  get(key: number, to: Buffer): void {
    this.values[key]?.copy(to, 0);
  }
}

/** Places of fixed size in slabs that are never given back, as an allocator of our own would have them. */
class OwnPlaces implements Form {
  readonly slabs: Buffer[] = [];
  readonly #perSlab: number = Math.floor(SLAB_BYTES / VALUE_BYTES);

  put(key: number, source: Buffer, at: number): void {
    const slabAt = Math.floor(key / this.#perSlab);
    while (this.slabs.length <= slabAt) {
      this.slabs.push(Buffer.allocUnsafeSlow(SLAB_BYTES));
    }
    const place = (key % this.#perSlab) * VALUE_BYTES;
    this.slabs[slabAt]?.set(source.subarray(at, at + VALUE_BYTES), place);
  }

  get(key: number, to: Buffer): void {
    const place = (key % this.#perSlab) * VALUE_BYTES;
    this.slabs[Math.floor(key / this.#perSlab)]?.copy(to, 0, place, place + VALUE_BYTES);
  }
}

/** One string per value, one character per byte, on the heap of V8. */
class Latin1String implements Form {
  readonly values = repeated("");

  put(key: number, source: Buffer, at: number): void {
    this.values[key] = source.toString("latin1", at, at + VALUE_BYTES);
  }

  get(key: number, to: Buffer): void {
    to.write(this.values[key] ?? "", 0, "latin1");
  }
}

const FORMS: Readonly<Record<string, () => Form>> = {
  "a buffer of its own": () => new OwnBuffer(),
  "a view of a slab": () => new SlabView(),
  "a place in our slabs": () => new OwnPlaces(),
  "a latin1 string": () => new Latin1String(),
};

function runForm(name: string, form: Form): void {
  const source = Buffer.alloc(SLAB_BYTES + VALUE_BYTES, "value");
  const reply = Buffer.alloc(VALUE_BYTES);
  const random = pseudoRandom(1);
  const before = process.memoryUsage();
  for (let key = 0; key < KEY_COUNT; key++) {
    form.put(key, source, random(SLAB_BYTES));
  }
  const putNs = cpuNs(PUT_COUNT, () => form.put(random(KEY_COUNT), source, random(SLAB_BYTES)));
  const getNs = cpuNs(PUT_COUNT, () => form.get(random(KEY_COUNT), reply));
  globalThis.gc?.();
  const heapBytes = (process.memoryUsage().heapUsed - before.heapUsed) / KEY_COUNT;
  const bytes = (process.memoryUsage().rss - before.rss) / KEY_COUNT;
  print(
    `| ${name.padEnd(22)} | ${putNs.toFixed(0).padStart(6)} | ${getNs.toFixed(0).padStart(6)} ` +
      `| ${bytes.toFixed(0).padStart(6)} | ${heapBytes.toFixed(0).padStart(6)} |`,
  );
}

function cpuNs(count: number, body: () => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    body();
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

const only = process.argv[5];
if (only === undefined) {
  printEnvironment();
  print(
    `${KEY_COUNT} values of ${VALUE_BYTES} bytes; ns of CPU per operation, resident and V8 heap bytes per value`,
  );
  print("| form                   |    put |    get |  bytes |   heap |");
  for (const name of Object.keys(FORMS)) {
    const self = fileURLToPath(import.meta.url);
    const counts = [KEY_COUNT, VALUE_BYTES, PUT_COUNT].map(String);
    execFileSync(process.execPath, ["--expose-gc", self, ...counts, name], { stdio: "inherit" });
  }
} else {
  const form = FORMS[only]?.();
  if (form === undefined) {
    throw new Error(`no form is called ${only}`);
  }
  runForm(only, form);
}
