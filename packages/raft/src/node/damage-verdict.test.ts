import { describe, expect, test } from "vitest";
import { encodeConfigPayload } from "../entry/config-payload.ts";
import type { DamagedRange, LogState } from "../log/raft-log.ts";
import type { SnapshotMeta } from "../log/snapshot-store.ts";
import { type DamagedNode, isUndecided } from "./damage-verdict.ts";
import { FetchResult } from "./entry-fetch.ts";

const RANGE: DamagedRange = {
  firstIndex: 20,
  lastIndex: 25,
  prevTerm: 1,
  prevChain: 1,
  chain: 2,
  file: "",
  offset: 0,
  reason: "",
};
const WHOLE: LogState = {
  hardState: { term: 3, vote: 1, commitIndex: 0 },
  firstIndex: 1,
  lastIndex: 30,
  lastChain: 9,
  termRuns: [{ firstIndex: 1, term: 1 }],
  prevIndex: 0,
  prevTerm: 0,
  prevChain: 0,
  configs: [],
};
const CUT: LogState = { ...WHOLE, firstIndex: 11, prevIndex: 10, prevTerm: 1 };

const member = (nodeId: number) => ({ nodeId, host: "host", port: nodeId });

function payloadOf(voters: number[], observers: number[] = [], nextVoters: number[] = []): Buffer {
  const members = [...new Set([...voters, ...observers, ...nextVoters])].map(member);
  return encodeConfigPayload({
    members,
    voters,
    observers,
    nextVoters,
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    removed: [],
    isAbort: false,
  });
}

function snapshot(index: number, voters: number[]): SnapshotMeta {
  const id = String(index);
  const place = { id, index, term: 1, chain: 1, timestampMs: 0, byteLength: 0 };
  return voters.length === 0
    ? { ...place, membership: Buffer.alloc(0), membershipIndex: 0 }
    : { ...place, membership: payloadOf(voters), membershipIndex: 5 };
}

const withConfig = (state: LogState, index: number, payload: Buffer): LogState => ({
  ...state,
  configs: [{ index, term: 1, payload }],
});

/** Node 1's, with all of `absent` sure that they have nothing. */
function verdict(absent: number[], node: Partial<DamagedNode>): boolean {
  const results = new Map(absent.map((id) => [id, FetchResult.absent]));
  const start = [1, 2, 3].map(member);
  return isUndecided(RANGE, results, { nodeId: 1, start, state: WHOLE, snapshots: [], ...node });
}

describe("damaged entries that no other member has", () => {
  test("are decided by nobody where the members of the start still vote", () => {
    expect(verdict([2, 3], {})).toBe(true);
    expect(verdict([2], {})).toBe(false);
    expect(verdict([2, 3], { snapshots: [snapshot(15, [])], state: CUT })).toBe(true);
  });

  test("may be committed where this node is the only voter, whoever follows", () => {
    const state = withConfig(WHOLE, 12, payloadOf([1], [2]));
    expect(verdict([2, 3], { state })).toBe(false);
    expect(verdict([2, 3], { state: CUT, snapshots: [snapshot(15, [1])] })).toBe(false);
    expect(verdict([2], { start: [member(1)] })).toBe(false);
  });

  test("are decided by nobody where both halves of a joint configuration need others", () => {
    const state = withConfig(WHOLE, 12, payloadOf([1, 2], [], [1, 2, 3]));
    expect(verdict([2, 3], { state })).toBe(true);
    expect(verdict([2], { state })).toBe(false);
  });

  test("may be committed where this node is one half: the first of them may end the joint configuration", () => {
    const grows = withConfig(WHOLE, 12, payloadOf([1], [], [1, 2, 3]));
    const shrinks = withConfig(WHOLE, 12, payloadOf([1, 2, 3], [], [1]));
    expect(verdict([2, 3], { state: grows })).toBe(false);
    expect(verdict([2, 3], { state: shrinks })).toBe(false);
  });

  test("may be committed by voters that only a snapshot names", () => {
    const node = { state: CUT, snapshots: [snapshot(15, [1, 4, 5])] };
    expect(verdict([2, 3], node)).toBe(false);
    expect(verdict([2, 3, 4, 5], node)).toBe(true);
  });

  test("may be committed by voters whose entry went with the log's head and every snapshot", () => {
    expect(verdict([2, 3], { state: CUT })).toBe(false);
    expect(verdict([2, 3], { state: CUT, snapshots: [snapshot(8, [1, 2, 3])] })).toBe(false);
    expect(verdict([2, 3], { start: [] })).toBe(false);
  });

  test("are committed where this node's own word or snapshot says so", () => {
    const hardState = { term: 3, vote: 1, commitIndex: 20 };
    expect(verdict([2, 3], { state: { ...WHOLE, hardState } })).toBe(false);
    expect(verdict([2, 3], { snapshots: [snapshot(20, [1, 2, 3])] })).toBe(false);
  });
});
