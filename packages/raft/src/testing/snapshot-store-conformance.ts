import assert from "node:assert/strict";
import {
  SNAPSHOT_NOT_FOUND_CODE,
  type SnapshotMeta,
  type SnapshotStore,
} from "../log/snapshot-store.ts";
import type { ConformanceRunner } from "./conformance-cases.ts";

/** One group's snapshots, which outlive the objects that work on them. */
export interface SnapshotStorage {
  /** A store on this storage, not opened yet. The one before has been closed. */
  store(): SnapshotStore;
  /** Removes the storage. Its store has been closed. */
  dispose(): Promise<void>;
}

/** The cases that every `SnapshotStore` must pass, for authors of stores. Nothing about crashes. */
export function runSnapshotStoreConformance(
  runner: ConformanceRunner,
  create: () => Promise<SnapshotStorage>,
): void {
  for (const { name, body } of CASES) {
    runner.test(name, async () => {
      const storage = await create();
      const subject = new Subject(storage);
      await subject.store.open();
      try {
        await body(subject);
      } finally {
        await subject.store.close();
        await storage.dispose();
      }
    });
  }
}

class Subject {
  readonly #storage: SnapshotStorage;
  store: SnapshotStore;

  constructor(storage: SnapshotStorage) {
    this.#storage = storage;
    this.store = storage.store();
  }

  async reopen(): Promise<readonly SnapshotMeta[]> {
    await this.store.close();
    this.store = this.#storage.store();
    return this.store.open();
  }

  /** A finished snapshot at `index` with `bytes`, written in chunks of `chunkBytes`. */
  async save(index: number, bytes: Buffer, chunkBytes = 10_000): Promise<SnapshotMeta> {
    const writer = await this.store.create(metaAt(index));
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes));
      await writer.write(chunk);
      chunk.fill(0xee);
      assert.equal(writer.position, Math.min(at + chunkBytes, bytes.length));
    }
    return writer.finish();
  }

  async content(id: string, step: number): Promise<Buffer> {
    const reader = await this.store.read(id);
    const parts: Buffer[] = [];
    for (let at = 0; at < reader.meta.byteLength; at += step) {
      parts.push(await reader.read(at, step));
    }
    assert.equal((await reader.read(reader.meta.byteLength, 10)).length, 0);
    await reader.close();
    return Buffer.concat(parts);
  }
}

function metaAt(index: number): Omit<SnapshotMeta, "byteLength"> {
  return {
    id: `${index}-7`,
    index,
    term: 7,
    chain: 0xffff_0000 + index,
    timestampMs: 1_700_000_000_000 + index,
    membership: Buffer.from(`members at ${index}`),
    membershipIndex: index - 1,
  };
}

function pattern(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

async function rejectsWithCode(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, code);
    return true;
  });
}

interface Case {
  readonly name: string;
  readonly body: (subject: Subject) => Promise<void>;
}

const CASES: readonly Case[] = [
  {
    name: "a snapshot comes back byte for byte with what it stands for, also after a reopen",
    async body(subject) {
      const bytes = pattern(200_001);
      const meta = await subject.save(40, bytes);
      assert.deepEqual(meta, { ...metaAt(40), byteLength: bytes.length });
      assert.deepEqual(await subject.content(meta.id, 65_536), bytes);
      assert.deepEqual(await subject.reopen(), [meta]);
      assert.deepEqual(await subject.content(meta.id, 777), bytes);
    },
  },
  {
    name: "a snapshot may be empty, and is read from any offset",
    async body(subject) {
      const empty = await subject.save(1, Buffer.alloc(0));
      assert.equal((await subject.content(empty.id, 10)).length, 0);
      const bytes = pattern(150_000);
      const { id } = await subject.save(2, bytes, 1);
      const reader = await subject.store.read(id);
      for (const [offset, length] of [
        [0, 1],
        [65_535, 2],
        [70_000, 70_000],
        [149_999, 100],
      ] as const) {
        const want = bytes.subarray(offset, offset + length);
        assert.ok((await reader.read(offset, length)).equals(want), `from ${offset}`);
      }
      await reader.close();
    },
  },
  {
    name: "the newest is listed first",
    async body(subject) {
      for (const index of [20, 300, 100]) {
        await subject.save(index, pattern(index));
      }
      const listed = await subject.reopen();
      assert.deepEqual(
        listed.map(({ index }) => index),
        [300, 100, 20],
      );
    },
  },
  {
    name: "an unfinished or aborted snapshot is not there",
    async body(subject) {
      const aborted = await subject.store.create(metaAt(5));
      await aborted.write(pattern(100_000));
      await aborted.abort();
      await aborted.abort();
      await rejectsWithCode(subject.store.read(metaAt(5).id), SNAPSHOT_NOT_FOUND_CODE);
      const left = await subject.store.create(metaAt(6));
      await left.write(pattern(100_000));
      assert.deepEqual(await subject.reopen(), []);
      await rejectsWithCode(subject.store.read(metaAt(6).id), SNAPSHOT_NOT_FOUND_CODE);
    },
  },
  {
    name: "the same snapshot can be written again",
    async body(subject) {
      const bytes = pattern(70_000);
      const first = await subject.save(9, bytes);
      const second = await subject.save(9, bytes);
      assert.deepEqual(second, first);
      assert.deepEqual(await subject.reopen(), [first]);
      assert.deepEqual(await subject.content(first.id, 10_000), bytes);
    },
  },
  {
    name: "a removed snapshot is gone, but not under a reader",
    async body(subject) {
      const bytes = pattern(200_000);
      const { id } = await subject.save(9, bytes);
      const reader = await subject.store.read(id);
      await subject.store.remove(id);
      await subject.store.remove(id);
      await rejectsWithCode(subject.store.read(id), SNAPSHOT_NOT_FOUND_CODE);
      assert.ok((await reader.read(100_000, 100_000)).equals(bytes.subarray(100_000)));
      await reader.close();
      assert.deepEqual(await subject.reopen(), []);
    },
  },
  {
    name: "several are written beside each other",
    async body(subject) {
      const bytes = [pattern(90_000), pattern(91_000)];
      const metas = await Promise.all(bytes.map((each, i) => subject.save(i + 1, each)));
      for (const [i, { id }] of metas.entries()) {
        assert.deepEqual(await subject.content(id, 30_000), bytes[i]);
      }
    },
  },
];
