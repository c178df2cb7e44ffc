// Hot path: per operation.
import { randomFillSync } from "node:crypto";
import type { KvClient } from "@dt/kv";
import type { Operation } from "./closed-loop.ts";
import type { WriteLedger } from "./write-ledger.ts";

/** Digits of the write's number at the start of each value. */
const NUMBER_DIGITS = 16;
const BATCH_KEYS = 500;

export type KvOperation = "put" | "get" | "mixed";

/** Reads and writes over a fixed set of keys. */
export class KvLoad {
  readonly keys: readonly string[];
  readonly #client: KvClient;
  readonly #inFlight: number;
  /** Each slot has keys of its own, so writes to one key come one after the other. */
  readonly #cursors: Int32Array;
  readonly #values: readonly Buffer[];
  readonly #ledger: WriteLedger | null;
  #writeNumber = 0;

  /** With a ledger, each value starts with the number of its write. */
  constructor(
    client: KvClient,
    keyCount: number,
    inFlight: number,
    valueBytes: number,
    ledger: WriteLedger | null = null,
  ) {
    this.#client = client;
    this.#inFlight = inFlight;
    this.#ledger = ledger;
    this.keys = Array.from(
      { length: keyCount },
      (_, i) => `bench/key-${String(i).padStart(8, "0")}`,
    );
    this.#cursors = Int32Array.from({ length: inFlight }, (_, slot) => slot % keyCount);
    this.#values = Array.from({ length: ledger === null ? 1 : inFlight }, () =>
      randomFillSync(Buffer.alloc(valueBytes)),
    );
  }

  operation(kind: KvOperation): Operation {
    switch (kind) {
      case "put":
        return this.#ledger === null ? this.#put : this.#putNumbered;
      case "get":
        return this.#get;
      case "mixed":
        return this.#mixed;
    }
  }

  /** Writes every key once. */
  async fill(): Promise<void> {
    const value = this.#values[0] ?? Buffer.alloc(0);
    for (let from = 0; from < this.keys.length; from += BATCH_KEYS) {
      const keys = this.keys.slice(from, from + BATCH_KEYS);
      await Promise.all(keys.map((key) => this.#client.put(key, value)));
    }
  }

  /** Reads every key and compares with the ledger; returns what is wrong, a line for each key. */
  async verify(ledger: WriteLedger): Promise<string[]> {
    const problems: string[] = [];
    for (let from = 0; from < this.keys.length; from += BATCH_KEYS) {
      const keys = this.keys.slice(from, from + BATCH_KEYS);
      const found = await Promise.all(keys.map((key) => this.#client.get(key)));
      found.forEach((node, i) => {
        const number = node?.kind === "value" ? writeNumber(node.value) : 0;
        const problem = ledger.judge(from + i, number);
        if (problem !== null) {
          const revision = node === null ? "none" : node.modRevision;
          problems.push(`${keys[i] ?? ""} (revision ${revision}): ${problem}`);
        }
      });
    }
    return problems;
  }

  readonly #put: Operation = (slot) =>
    this.#client.put(this.#nextKey(slot), this.#values[0] ?? EMPTY);

  readonly #get: Operation = (slot) => this.#client.get(this.#nextKey(slot));

  readonly #mixed: Operation = (slot) => (slot % 10 === 0 ? this.#put(slot) : this.#get(slot));

  readonly #putNumbered: Operation = async (slot) => {
    const ledger = this.#ledger;
    const value = this.#values[slot] ?? EMPTY;
    const key = this.#nextKey(slot);
    const at = this.#cursors[slot] ?? 0;
    const number = ++this.#writeNumber;
    value.write(String(number).padStart(NUMBER_DIGITS, "0"), 0, "latin1");
    ledger?.attempt(at, number);
    await this.#client.put(key, value);
    ledger?.acknowledge(at, number);
  };

  #nextKey(slot: number): string {
    let at = (this.#cursors[slot] ?? 0) + this.#inFlight;
    if (at >= this.keys.length) {
      at = slot % this.keys.length;
    }
    this.#cursors[slot] = at;
    return this.keys[at] ?? "";
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

function writeNumber(value: Uint8Array): number {
  return Number(Buffer.from(value.subarray(0, NUMBER_DIGITS)).toString("latin1"));
}
