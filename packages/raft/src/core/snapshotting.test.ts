import { describe, expect, test } from "vitest";
import { encodeConfigPayload } from "../entry/config-payload.ts";
import { batchOf, entries, entriesAfter } from "./entries.test.kit.ts";
import { HandDriven, ofKind } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind, type SnapshotChunk, type SnapshotReply, SnapshotStatus } from "./message.ts";
import { accepted, append, heartbeatReply, refused } from "./messages.test.kit.ts";
import type { Output, SnapshotBase } from "./output.ts";
import { Role } from "./output.ts";
import { appends, leaderOfTwo, progressOf } from "./replication.test.kit.ts";

const TERM = 3;

function chunkAt(index: number, fields: Partial<SnapshotChunk> = {}): SnapshotChunk {
  return {
    kind: MessageKind.snapshotChunk,
    from: 2,
    to: 1,
    term: TERM,
    id: `s${index}`,
    index,
    indexTerm: TERM,
    chain: 1000 + index,
    timestampMs: 0,
    membership: Buffer.alloc(0),
    membershipIndex: 0,
    byteLength: 10,
    offset: 0,
    bytes: Buffer.alloc(10),
    ...fields,
  };
}

function baseAt(index: number, fields: Partial<SnapshotBase> = {}): SnapshotBase {
  const chain = 1000 + index;
  return { index, term: TERM, chain, membership: Buffer.alloc(0), membershipIndex: 0, ...fields };
}

function membershipOf(voters: readonly number[]): Buffer {
  return encodeConfigPayload({
    members: voters.map((nodeId) => ({ nodeId, host: "h", port: nodeId })),
    voters,
    observers: [],
    nextVoters: [],
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    removed: [],
    isAbort: false,
  });
}

/** A follower of node 2 in term 3 with `lastIndex` entries of term 1, of which `commitIndex` are committed. */
function follower(lastIndex: number, commitIndex: number): HandDriven {
  const log = [batchOf(lastIndex, 48, 1, 1, 0)];
  const node = new HandDriven({ log, hardState: { term: TERM, commitIndex } });
  if (commitIndex > 0) {
    node.step({ kind: InputKind.applied, index: commitIndex });
  }
  return node;
}

function install(node: HandDriven, base: SnapshotBase): Output {
  return node.step({ kind: InputKind.snapshotReceived, base });
}

function acks(output: Output): number[] {
  return ofKind(output.messages, MessageKind.appendReply).map(({ index }) => index);
}

describe("a leader", () => {
  /** Leads with 10 entries of which the log holds those from 8 on; follower 3 was never heard. */
  function compactedLeader(): HandDriven {
    const node = leaderOfTwo({
      log: entries(1, 1, 1, 1, 1, 1, 1, 1, 1),
      options: { tailBytes: 1 },
    });
    node.step({ kind: InputKind.applied, index: node.core.commitIndex });
    node.step({ kind: InputKind.headDropped, firstIndex: 8 });
    expect(node.core.firstIndex).toBe(8);
    return node;
  }

  test("S1 sends a snapshot for what its log has lost, and goes on after whatever index is acked", () => {
    const node = compactedLeader();
    const output = node.receive({ ...refused(1, 9, 2, 1), from: 3 });
    expect(output.snapshots).toBeNull();
    const sent = node.receive({ ...refused(2, 9, 2, 1), from: 3 });
    expect(sent.snapshots?.sends).toEqual([3]);
    expect(progressOf(node, 3).state).toBe("snapshot");
    const beat = node.receive(heartbeatReply(2, { from: 3 }));
    expect(appends(beat, 3)).toEqual([]);
    // The log continues after 7; what is acked is neither the snapshot's index nor the last one.
    const after = node.receive(accepted(2, 8, { from: 3 }));
    expect(progressOf(node, 3).state).toBe("replicate");
    expect(after.logReads).toMatchObject([{ to: 3, firstIndex: 9 }]);
  });

  test("an ack of what the log does not continue leaves the transfer alone", () => {
    const node = compactedLeader();
    node.receive({ ...refused(2, 9, 2, 1), from: 3 });
    node.receive(accepted(2, 5, { from: 3 }));
    expect(progressOf(node, 3)).toMatchObject({ state: "snapshot", matchIndex: 5 });
  });

  test("S2 leaves the snapshot state when the transfer failed, and tries again when it is heard", () => {
    const node = compactedLeader();
    node.receive({ ...refused(2, 9, 2, 1), from: 3 });
    const failed = node.step({ kind: InputKind.snapshotSent, to: 3, index: 0 });
    expect(failed.snapshots).toBeNull();
    expect(progressOf(node, 3).state).toBe("probe");
    node.tick(100);
    const again = node.receive(heartbeatReply(2, { from: 3 }));
    expect(again.snapshots?.sends).toEqual([3]);
    const done = node.step({ kind: InputKind.snapshotSent, to: 3, index: 9 });
    expect(appends(done, 3)).toMatchObject([{ prevIndex: 9 }]);
  });

  test("S18 sends a snapshot at its last index, too", () => {
    const node = compactedLeader();
    node.receive(accepted(2, 10));
    node.step({ kind: InputKind.applied, index: node.core.commitIndex });
    node.step({ kind: InputKind.headDropped, firstIndex: 11 });
    expect(node.core).toMatchObject({ firstIndex: 11, lastIndex: 10 });
    const sent = node.receive({ ...refused(2, 9, 2, 1), from: 3 });
    expect(sent.snapshots?.sends).toEqual([3]);
    const done = node.step({ kind: InputKind.snapshotSent, to: 3, index: 10 });
    expect(appends(done, 3)).toMatchObject([{ prevIndex: 10, batches: [] }]);
  });

  test("S1 sends one, too, when all that it sent was lost and the log goes on without it", () => {
    const node = leaderOfTwo({ options: { tailBytes: 1, windowAppends: 2 } });
    for (let i = 0; i < 4; i++) {
      node.propose();
    }
    expect(progressOf(node, 2)).toMatchObject({ state: "replicate", nextIndex: 4 });
    node.persistAll();
    node.receive(accepted(1, 5, { from: 3 }));
    node.step({ kind: InputKind.applied, index: 5 });
    node.step({ kind: InputKind.headDropped, firstIndex: 6 });
    node.tick(100);
    const sent = node.receive(heartbeatReply(1));
    expect(sent.snapshots?.sends).toEqual([2]);
  });

  const wanted: SnapshotReply = {
    kind: MessageKind.snapshotReply,
    from: 2,
    to: 1,
    term: 1,
    status: SnapshotStatus.wanted,
    id: "",
    offset: 0,
    index: 0,
  };

  test("sends one to a follower that says it lost its state", () => {
    const node = leaderOfTwo();
    expect(node.receive(wanted).snapshots?.sends).toEqual([2]);
    expect(progressOf(node, 2).state).toBe("snapshot");
  });

  test("sends none after it lost its leadership in the same turn", () => {
    const node = leaderOfTwo();
    node.feed({ kind: InputKind.message, message: wanted });
    const output = node.receive(append({ term: 2, from: 3, prevIndex: 1, prevTerm: 1 }));
    expect(output.leadershipLost).toBe(true);
    expect(output.snapshots?.sends).toEqual([]);
  });
});

describe("a follower", () => {
  test("takes chunks of the leader of its term and refuses those of the past", () => {
    const node = follower(5, 0);
    const old = node.receive(chunkAt(100, { term: 2 }));
    expect(old.snapshots).toBeNull();
    expect(old.messages).toMatchObject([
      { kind: MessageKind.snapshotReply, status: SnapshotStatus.refused, term: TERM },
    ]);
    const taken = node.receive(chunkAt(100));
    expect(taken.snapshots?.chunks).toHaveLength(1);
    expect(node.core.leaderId).toBe(2);
  });

  test("S7 ignores a snapshot below what it has committed, and says how far it is", () => {
    const node = follower(90, 80);
    const answer = node.receive(chunkAt(50));
    expect(answer.snapshots).toBeNull();
    expect(answer.write).toBeNull();
    expect(acks(answer)).toEqual([80]);
    expect(ofKind(answer.messages, MessageKind.snapshotReply)).toMatchObject([
      { status: SnapshotStatus.installed, index: 80 },
    ]);
    expect(install(node, baseAt(50)).write).toBeNull();
    expect(node.core).toMatchObject({ lastIndex: 90, commitIndex: 80, firstIndex: 1 });
  });

  test("S8 replaces a log that contradicts the snapshot, and takes its membership", () => {
    const node = follower(95, 40);
    node.receive(chunkAt(90));
    const base = baseAt(90, { membership: membershipOf([1, 2, 4]), membershipIndex: 70 });
    const output = install(node, base);
    expect(output.write).toMatchObject({
      reset: { index: 90, term: TERM, chain: 1090 },
      truncateFrom: 0,
      batches: [],
    });
    expect(output.snapshots?.install).toBe(base);
    expect(acks(output)).toEqual([]);
    expect(node.core).toMatchObject({ lastIndex: 90, firstIndex: 91, lastTerm: TERM });
    expect(node.core.configuration).toMatchObject({ index: 70, voters: [1, 2, 4] });
    expect(acks(node.persistAll())).toEqual([90]);
    // The log goes on at 91.
    const next = entriesAfter({ ...entries(1)[0]!, lastIndex: 90, chain: 1090 }, TERM);
    const more = node.receive(
      append({ term: TERM, prevIndex: 90, prevTerm: TERM, batches: next, commitIndex: 91 }),
    );
    expect(more.write).toMatchObject({ reset: null, batches: next });
    expect(node.core).toMatchObject({ lastIndex: 91, commitIndex: 91 });
  });

  test("never tells its disk a commit index that the log before the reset does not bear out", () => {
    const node = follower(95, 40);
    node.feed({ kind: InputKind.message, message: chunkAt(90, { term: 4 }) });
    expect(install(node, baseAt(90)).write?.hardState).toMatchObject({ term: 4, commitIndex: 40 });
  });

  test("a snapshot of what the log holds commits it and cuts nothing", () => {
    const node = follower(95, 40);
    node.receive(chunkAt(90, { indexTerm: 1 }));
    const output = install(node, baseAt(90, { term: 1 }));
    expect(output.write?.reset ?? null).toBeNull();
    expect(output.snapshots).toBeNull();
    expect(node.core).toMatchObject({ commitIndex: 90, lastIndex: 95, firstIndex: 1 });
  });

  test("S6 of two snapshots in one turn the newer one wins; the same twice is one", () => {
    const node = follower(5, 0);
    node.receive(chunkAt(100));
    node.feed({ kind: InputKind.snapshotReceived, base: baseAt(100) });
    const newer = baseAt(200);
    node.feed({ kind: InputKind.snapshotReceived, base: newer });
    const output = node.take();
    expect(output.write?.reset).toEqual({ index: 200, term: TERM, chain: 1200 });
    expect(output.snapshots?.install).toBe(newer);
    node.persistAll();
    expect(install(node, baseAt(100)).write).toBeNull();
    node.step({ kind: InputKind.applied, index: 200 });
    expect(install(node, newer).snapshots).toBeNull();
  });

  test("an older write that becomes durable after a reset proves nothing about the new log", () => {
    const node = follower(5, 0);
    const more = entriesAfter(
      { ...entries(1)[0]!, lastIndex: 5, chain: node.core.lastChain },
      1,
      1,
    );
    node.receive(append({ term: TERM, prevIndex: 5, prevTerm: 1, batches: more }));
    install(node, baseAt(6));
    expect(node.core.durableIndex).toBe(5);
    expect(acks(node.persistOne())).toEqual([]);
    expect(node.core.durableIndex).toBe(5);
    expect(acks(node.persistOne())).toEqual([6]);
    expect(node.core.durableIndex).toBe(6);
  });

  test("without its state it follows and never campaigns, until one is restored", () => {
    const node = follower(5, 0);
    install(node, baseAt(100));
    node.persistAll();
    expect(node.core.isStateMissing).toBe(true);
    node.pass(8000);
    expect(node.core.role).toBe(Role.follower);
    node.step({ kind: InputKind.applied, index: 100 });
    node.tickUntil(Role.preCandidate);
  });

  test("that has lost its state takes the members of a snapshot that its log holds", () => {
    const dropped = { ...entries(1)[0]!, lastIndex: 100, chain: 77 };
    const log = entriesAfter(dropped, ...Array.from({ length: 50 }, () => 1));
    const node = new HandDriven({ log, hardState: { term: TERM, commitIndex: 140 } });
    expect(node.core).toMatchObject({ firstIndex: 101, isStateMissing: true });
    expect(node.core.configuration.voters).toEqual([1, 2, 3]);
    const membership = membershipOf([1, 4, 5]);
    const output = install(node, baseAt(120, { term: 1, membership, membershipIndex: 50 }));
    expect(output.snapshots?.install).toMatchObject({ index: 120 });
    expect(output.configuration).toMatchObject({ index: 50, voters: [1, 4, 5] });
    node.step({ kind: InputKind.applied, index: 120 });
    expect(node.core.configurationAt(120).voters).toEqual([1, 4, 5]);
    // Removed members elect nobody any more.
    const asked = node.tickUntil(Role.preCandidate).messages.map(({ to }) => to);
    expect(asked).toEqual([4, 5]);
  });

  test("that has lost its state keeps what its log says behind such a snapshot", () => {
    const dropped = { ...entries(1)[0]!, lastIndex: 100, chain: 77 };
    const log = entriesAfter(dropped, ...Array.from({ length: 50 }, () => 1));
    const payload = membershipOf([1, 4]);
    const configs = [{ index: 130, term: 1, payload }];
    const node = new HandDriven({ log, configs, hardState: { term: TERM, commitIndex: 125 } });
    install(
      node,
      baseAt(120, { term: 1, membership: membershipOf([1, 4, 5]), membershipIndex: 50 }),
    );
    expect(node.core.configurationAt(120).voters).toEqual([1, 4, 5]);
    expect(node.core.configuration).toMatchObject({ index: 130, voters: [1, 4] });
  });

  test("R6 an append below the log's first index is answered up to what is known", () => {
    const node = follower(20, 15);
    node.step({ kind: InputKind.headDropped, firstIndex: 11 });
    const old = entriesAfter(entries(1, 1, 1, 1)[0]!, 1, 1, 1, 1);
    const answer = node.receive(
      append({ term: TERM, prevIndex: 4, prevTerm: 1, batches: old, commitIndex: 8 }),
    );
    expect(answer.write?.batches ?? []).toEqual([]);
    expect(acks(answer)).toEqual([15]);
    const across = entriesAfter(entries(1, 1, 1, 1, 1, 1, 1, 1)[0]!, 1, 1, 1, 1);
    const second = node.receive(
      append({ term: TERM, prevIndex: 8, prevTerm: 1, batches: across, commitIndex: 15 }),
    );
    expect(acks(second)).toEqual([15]);
    expect(node.core).toMatchObject({ firstIndex: 11, lastIndex: 20 });
  });
});

test("a copy of a core in the middle of all this is equal and independent", () => {
  const node = follower(95, 40);
  node.receive(chunkAt(90));
  node.feed({ kind: InputKind.snapshotReceived, base: baseAt(90) });
  const copy = node.core.clone();
  expect(copy.digest()).toBe(node.core.digest());
  copy.take();
  expect(copy.digest()).not.toBe(node.core.digest());
  expect(node.core.take().write?.reset).toMatchObject({ index: 90 });
});
