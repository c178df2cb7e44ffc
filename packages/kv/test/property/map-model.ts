import type { CasExpectation, CasResult } from "../../src/command/cas.ts";
import type { PutRequest } from "../../src/command/put.ts";
import { Refusal } from "../../src/refusal.ts";

/** What the model knows of a node; `value` is null for a directory. */
export interface ModelNode {
  readonly value: string | null;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** The store as one flat Map, written to be obviously right and nothing else. Keys are without a leading slash. */
export class MapModel {
  readonly nodes = new Map<string, ModelNode>();
  revision = 0;

  put(key: string, value: string, nowMs: number): number {
    const old = this.nodes.get(key);
    if (key === "" || old?.value === null) {
      return Refusal.isDirectory;
    }
    const refusal = this.#makeParents(key, nowMs);
    if (refusal !== 0) {
      return refusal;
    }
    this.revision++;
    this.nodes.set(key, {
      value,
      createRevision: old?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (old?.version ?? 0) + 1,
      createdMs: old?.createdMs ?? nowMs,
      updatedMs: nowMs,
    });
    return this.revision;
  }

  mkdir(key: string, nowMs: number): number {
    const old = this.nodes.get(key);
    if (key === "" || old !== undefined) {
      return key === "" || old?.value === null ? 0 : Refusal.notDirectory;
    }
    const refusal = this.#makeParents(key, nowMs);
    if (refusal !== 0) {
      return refusal;
    }
    this.revision++;
    this.nodes.set(key, directory(this.revision, nowMs));
    return this.revision;
  }

  delete(key: string, isRecursive: boolean): number {
    if (key === "") {
      return Refusal.isRoot;
    }
    if (!this.nodes.has(key)) {
      return 0;
    }
    const below = this.below(key, true);
    if (below.length > 0 && !isRecursive) {
      return Refusal.notEmpty;
    }
    for (const each of [key, ...below]) {
      this.nodes.delete(each);
    }
    return ++this.revision;
  }

  cas(key: string, expected: CasExpectation, value: string, nowMs: number): CasResult | number {
    const old = this.nodes.get(key);
    if (key === "" || old?.value === null) {
      return Refusal.isDirectory;
    }
    const isExpected =
      "revision" in expected
        ? (old?.modRevision ?? 0) === expected.revision
        : (old?.value ?? null) === expected.value;
    if (!isExpected) {
      return { isSwapped: false, modRevision: old?.modRevision ?? 0 };
    }
    const outcome = this.put(key, value, nowMs);
    return outcome < 0 ? outcome : { isSwapped: true, revision: outcome };
  }

  batchPut(puts: readonly PutRequest[], nowMs: number): number[] {
    return puts.map(({ key, value }) => this.put(key.replace(/^\//, ""), String(value), nowMs));
  }

  /** Keys in a directory or everywhere below it, in tree order. */
  below(key: string, isRecursive: boolean): string[] {
    const prefix = key === "" ? "" : `${key}/`;
    return [...this.nodes.keys()]
      .filter((each) => each !== key && each.startsWith(prefix))
      .filter((each) => isRecursive || !each.slice(prefix.length).includes("/"))
      .toSorted(compareInTreeOrder);
  }

  #makeParents(key: string, nowMs: number): Refusal | 0 {
    const names = key.split("/");
    const parents = names.slice(1).map((_, i) => names.slice(0, i + 1).join("/"));
    if (parents.some((parent) => typeof this.nodes.get(parent)?.value === "string")) {
      return Refusal.parentIsValue;
    }
    for (const parent of parents) {
      if (!this.nodes.has(parent)) {
        this.nodes.set(parent, directory(this.revision + 1, nowMs));
      }
    }
    return 0;
  }
}

function directory(revision: number, nowMs: number): ModelNode {
  return {
    value: null,
    createRevision: revision,
    modRevision: revision,
    version: 1,
    createdMs: nowMs,
    updatedMs: nowMs,
  };
}

export function compareInTreeOrder(a: string, b: string): number {
  const [as, bs] = [a.split("/"), b.split("/")];
  for (const [i, name] of as.entries()) {
    const other = bs[i];
    if (other === undefined) {
      return 1;
    }
    const order = Buffer.compare(Buffer.from(name), Buffer.from(other));
    if (order !== 0) {
      return order;
    }
  }
  return as.length - bs.length;
}
