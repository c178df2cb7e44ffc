import fc from "fast-check";
import { expect, it } from "vitest";
import { KvStateMachine } from "../../src/state-machine.ts";
import type { KvResult } from "../../src/state-machine.ts";
import { keyText, toByteKey } from "../../src/store/byte-key.ts";
import { DirectoryNode, ValueNode } from "../../src/store/node.ts";
import type { Node } from "../../src/store/node.ts";
import { countNodes, listPage } from "../../src/store/page.ts";
import { entryOf, keyArbitrary, writeArbitrary } from "./commands.ts";
import type { Write } from "./commands.ts";
import { compareInTreeOrder, MapModel } from "./map-model.ts";
import type { ModelNode } from "./map-model.ts";

const START_MS = 1_800_000_000_000;

function applyToModel(model: MapModel, write: Write, nowMs: number): KvResult {
  switch (write.kind) {
    case "put":
      return model.put(plain(write.key), write.value, nowMs);
    case "delete":
      return model.delete(plain(write.key), write.isRecursive);
    case "mkdir":
      return model.mkdir(plain(write.key), nowMs);
    case "batchPut":
      return model.batchPut(write.puts, nowMs);
    case "cas":
      return model.cas(plain(write.key), write.expected, write.value, nowMs);
  }
}

function plain(key: string): string {
  return key.replace(/^\//, "");
}

function describeNode(node: Node): ModelNode {
  const { createRevision, modRevision, version, createdMs, updatedMs } = node;
  const value = node instanceof ValueNode ? node.copyValue().toString() : null;
  return { value, createRevision, modRevision, version, createdMs, updatedMs };
}

function applyAll(writes: readonly Write[]): { stateMachine: KvStateMachine; model: MapModel } {
  const stateMachine = new KvStateMachine();
  const model = new MapModel();
  for (const [i, write] of writes.entries()) {
    const { kind, payload } = entryOf(write);
    const result = stateMachine.apply(kind, payload, 0, payload.length, START_MS + i);
    expect(result).toEqual(applyToModel(model, write, START_MS + i));
  }
  return { stateMachine, model };
}

const writesArbitrary = fc.array(writeArbitrary, { maxLength: 60 });

it("every write has the outcome, and leaves the nodes, of the model", () => {
  fc.assert(
    fc.property(writesArbitrary, (writes) => {
      const { stateMachine, model } = applyAll(writes);
      const { tree } = stateMachine;
      expect(tree.revision).toBe(model.revision);
      expect(tree.nodeCount).toBe(model.nodes.size);
      for (const [key, expected] of model.nodes) {
        const node = tree.find(toByteKey(key));
        expect(node === null ? null : describeNode(node)).toEqual(expected);
      }
    }),
    { numRuns: 300 },
  );
});

it("every list and count is that of the model, page by page", () => {
  const pageArbitrary = fc.record({
    directory: keyArbitrary.map(plain),
    isRecursive: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
    startAfter: fc.option(keyArbitrary.map(plain)),
  });
  fc.assert(
    fc.property(writesArbitrary, pageArbitrary, (writes, request) => {
      const { stateMachine, model } = applyAll(writes);
      const directory = stateMachine.tree.find(toByteKey(request.directory));
      fc.pre(directory instanceof DirectoryNode);
      const { isRecursive, limit } = request;
      const all = model.below(request.directory, isRecursive);
      expect(countNodes(directory, isRecursive)).toBe(all.length);

      const prefix = request.directory === "" ? "" : `${request.directory}/`;
      const after = request.startAfter === null ? null : prefix + request.startAfter;
      const isAfter = after !== null && after !== prefix && after !== request.directory;
      const expected = isAfter ? all.filter((key) => compareInTreeOrder(key, after) > 0) : all;
      const page = listPage(stateMachine.tree, directory, {
        isRecursive,
        limit,
        startAfter: isAfter ? toByteKey(after) : null,
        maxBytes: Number.MAX_SAFE_INTEGER,
        isKeysOnly: false,
      });
      expect(page.nodes.map((node) => keyText(node.key))).toEqual(expected.slice(0, limit));
      expect(page.hasMore).toBe(expected.length > limit);
    }),
    { numRuns: 300 },
  );
});
