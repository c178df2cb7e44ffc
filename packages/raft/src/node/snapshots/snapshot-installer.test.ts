import { VirtualClock } from "@dt/fiber";
import { expect, test } from "vitest";
import { HandDriven } from "../../core/hand-driven.test.kit.ts";
import { MemoryLog } from "../../log/memory-log.ts";
import { MemorySnapshotStore } from "../../log/memory-snapshot-store.ts";
import { resolveGroupOptions } from "../group-options.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { EnvelopeSource } from "./envelope.ts";
import { buildSnapshot } from "./snapshot-build.ts";
import { SnapshotCatalog } from "./snapshot-catalog.ts";
import { SnapshotInstaller } from "./snapshot-installer.ts";
import { SnapshotSlots } from "./snapshot-slots.ts";

const BASE = { term: 1, chain: 0, membership: Buffer.alloc(0), membershipIndex: 0 };

function emptyState(): EnvelopeSource {
  return new EnvelopeSource(Buffer.alloc(0), { next: () => null, close: () => {} });
}

/** With snapshots at 10 and 20; each restore waits for its gate. */
async function started() {
  const clock = new VirtualClock();
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) {
      clock.advance(1);
      await Promise.resolve();
    }
  };
  const catalog = new SnapshotCatalog(new MemorySnapshotStore(), 1, SILENT_LOGGER);
  await catalog.open();
  for (const index of [10, 20]) {
    const meta = { id: `s${index}`, index, timestampMs: 0, ...BASE };
    const built = buildSnapshot(catalog.store, meta, emptyState, clock, () => true);
    await settle();
    catalog.add((await built)!);
  }
  const gates: (() => void)[] = [];
  const restored: number[] = [];
  const installer = new SnapshotInstaller({
    groupId: 1,
    core: new HandDriven().core,
    log: new MemoryLog({ defer: (task) => clock.defer(task) }),
    applies: {
      appliedIndex: 0,
      appliedTerm: 0,
      appliedChain: 0,
      appliedBytes: 0,
      timestampMs: 0,
      restored: ({ index }) => restored.push(index),
    },
    takeState: null,
    target: {
      restoreState: async (chunks) => {
        for await (const _ of chunks) {
          // Nothing is kept.
        }
        await new Promise<void>((resolve) => gates.push(resolve));
      },
      restoreSessions: () => {},
      checkSessions: () => {},
    },
    encodeSessions: () => Buffer.alloc(0),
    catalog,
    slots: new SnapshotSlots(),
    options: resolveGroupOptions({}),
    clock,
    logger: SILENT_LOGGER,
    send: () => true,
    onInput: () => {},
    onRestored: () => {},
    onFailed: (error) => {
      throw error;
    },
  });
  return { installer, gates, restored, settle };
}

test("a snapshot that comes and is durable while another one is being restored is restored next", async () => {
  const { installer, gates, restored, settle } = await started();
  installer.install({ index: 10, ...BASE }, 1);
  installer.onPersisted(1);
  await settle();
  installer.install({ index: 20, ...BASE }, 2);
  installer.onPersisted(2);
  gates.shift()?.();
  await settle();
  gates.shift()?.();
  await settle();
  expect(restored).toEqual([10, 20]);
});

test("a snapshot whose write is durable only when the group has stopped is not restored", async () => {
  const { installer, gates, settle } = await started();
  installer.install({ index: 10, ...BASE }, 1);
  installer.close();
  installer.onPersisted(1);
  await settle();
  expect(gates).toHaveLength(0);
});
