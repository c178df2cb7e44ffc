import { describe, expect, test } from "vitest";
import { singleEntry } from "../entry/batch-builder.ts";
import {
  ConfigKind,
  type ConfigPayload,
  decodeConfigPayload,
  encodeConfigPayload,
} from "../entry/config-payload.ts";
import { EntryType } from "../entry/record.ts";
import { CoreState } from "./core-state.ts";
import { entries } from "./entries.test.kit.ts";
import { idleFollower, startCore, TEST_OPTIONS } from "./hand-driven.test.kit.ts";
import { append, vote } from "./messages.test.kit.ts";
import { reachedByQuorum } from "./quorum.ts";

function config(lists: Partial<ConfigPayload>): ConfigPayload {
  return {
    members: [],
    voters: [],
    observers: [],
    nextVoters: [],
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    removed: [],
    isAbort: false,
    ...lists,
  };
}

function entryOf(lists: Partial<ConfigPayload>, index: number, term: number, prevChain: number) {
  const payload = encodeConfigPayload(config(lists));
  return singleEntry(EntryType.config, payload, index, term, 0, prevChain, ConfigKind.prepare);
}

test("the payload of a configuration comes back as it was", () => {
  const full = config({
    members: [
      { nodeId: 1, host: "10.0.0.1", port: 7001 },
      { nodeId: 4_294_967_295, host: "node.example", port: 65_535 },
    ],
    voters: [1],
    observers: [7],
    nextVoters: [4_294_967_295],
    nextObservers: [8, 9],
    prepareIndex: 2 ** 53 - 1,
    leavesByItself: true,
    removed: [2, 3],
    isAbort: true,
  });
  expect(decodeConfigPayload(encodeConfigPayload(full))).toEqual(full);
});

describe("a follower's configuration", () => {
  test("is the newest one of its log, and goes with its entry", () => {
    const log = entries(1);
    const node = idleFollower({ log });
    const joint = entryOf({ voters: [1, 2, 3], nextVoters: [2, 3, 4] }, 2, 1, log[0]!.chain);
    node.receive(append({ term: 1, prevIndex: 1, prevTerm: 1, batches: [joint] }));
    expect(node.core.configuration).toMatchObject({ index: 2, nextVoters: [2, 3, 4] });
    const other = entries(1, 2)[1]!;
    const output = node.receive(append({ term: 2, prevIndex: 1, prevTerm: 1, batches: [other] }));
    expect(output.configuration).toMatchObject({ index: 0, voters: [1, 2, 3], nextVoters: [] });
    expect(node.core.configuration.index).toBe(0);
  });

  test("M11 is read from the log at the start, committed or not", () => {
    const [first] = entries(1);
    const joint = entryOf({ voters: [1, 2, 3], nextVoters: [1, 4] }, 2, 2, first!.chain);
    const payload = encodeConfigPayload(config({ voters: [1, 2, 3], nextVoters: [1, 4] }));
    const core = startCore({
      log: [first!, joint],
      configs: [{ index: 2, term: 2, payload }],
    });
    expect(core.configuration).toMatchObject({ index: 2, nextVoters: [1, 4] });
  });

  test("a node without one follows, votes, and never campaigns", () => {
    const node = idleFollower({ voters: [] });
    node.pass(10_000);
    expect([node.core.term, node.core.role]).toEqual([0, 0]);
    node.receive(vote(3, 1, 1, 9));
    expect([node.core.term, node.core.vote]).toEqual([3, 9]);
  });
});

test("M18 what a joint quorum has reached equals a brute-force count, in any order of updates", () => {
  let state = 20_261_121;
  const random = (limit: number): number => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % limit;
  };
  const pick = (): number[] => [1, 2, 3, 4, 5, 6, 7].filter(() => random(2) === 0);
  for (let round = 0; round < 20_000; round++) {
    const voters = pick();
    const nextVoters = random(3) === 0 ? [] : pick();
    if (voters.length === 0) {
      continue;
    }
    const s = new CoreState(
      {
        id: 1,
        voters: [1],
        options: TEST_OPTIONS,
        state: {
          hardState: { term: 1, vote: 0, commitIndex: 0 },
          firstIndex: 1,
          lastIndex: 1,
          lastChain: 1,
          prevIndex: 0,
          prevTerm: 0,
          prevChain: 0,
          termRuns: [{ firstIndex: 1, term: 1 }],
          configs: [
            { index: 1, term: 1, payload: encodeConfigPayload(config({ voters, nextVoters })) },
          ],
        },
        appliedIndex: 0,
        seed: 1,
      },
      0,
    );
    const own = random(9);
    const reached = new Map([[1, own]]);
    for (let update = 0; update < 5; update++) {
      for (const peer of s.peers) {
        peer.matchIndex = Math.max(peer.matchIndex, random(9));
        reached.set(peer.id, peer.matchIndex);
      }
      for (const [i, peer] of s.peers.entries()) {
        s.scratch[i] = peer.matchIndex;
      }
      const isReached = (index: number): boolean =>
        [voters, nextVoters].every(
          (half) =>
            half.length === 0 ||
            half.filter((id) => reached.get(id)! >= index).length * 2 > half.length,
        );
      const highest = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].find(isReached);
      expect(reachedByQuorum(s, own)).toBe(highest);
    }
  }
});
