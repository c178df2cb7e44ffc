import { VirtualClock } from "@dt/fiber";
import { expect, test } from "vitest";
import { HandDriven } from "../../core/hand-driven.test.kit.ts";
import { InputKind } from "../../core/input.ts";
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
  const { core } = new HandDriven();
  const applies = {
    appliedIndex: 0,
    appliedTerm: 0,
    appliedChain: 0,
    appliedBytes: 0,
    timestampMs: 0,
    restored: ({ index }: { readonly index: number }): void => {
      restored.push(index);
      applies.appliedIndex = index;
    },
  };
  const installer = new SnapshotInstaller({
    groupId: 1,
    core,
    log: new MemoryLog({ defer: (task) => clock.defer(task) }),
    applies,
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
  /** Has the core take it, whose log then goes on behind it. */
  const install = (index: number, sequence: number): void => {
    core.step({ kind: InputKind.snapshotReceived, base: { index, ...BASE } }, 0, 0);
    const base = core.take().snapshots?.install ?? null;
    expect(base?.index).toBe(index);
    installer.install(base!, sequence);
  };
  return { installer, install, gates, restored, settle };
}

test("a snapshot that comes and is durable while another one is being restored is restored next", async () => {
  const { installer, install, gates, restored, settle } = await started();
  install(10, 1);
  installer.onPersisted(1);
  await settle();
  install(20, 2);
  installer.onPersisted(2);
  gates.shift()?.();
  await settle();
  gates.shift()?.();
  await settle();
  expect(restored).toEqual([10, 20]);
});

test("a snapshot whose write is durable only when the group has stopped is not restored", async () => {
  const { installer, install, gates, settle } = await started();
  install(10, 1);
  installer.close();
  installer.onPersisted(1);
  await settle();
  expect(gates).toHaveLength(0);
});

test("a snapshot that comes again while it is being restored is not restored again: entries behind it are applied then", async () => {
  const { installer, install, gates, restored, settle } = await started();
  install(10, 1);
  installer.onPersisted(1);
  await settle();
  install(10, 0);
  gates.shift()?.();
  await settle();
  expect(restored).toEqual([10]);
  expect(gates).toHaveLength(0);
});
