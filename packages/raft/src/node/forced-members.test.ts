import { describe, expect, test } from "vitest";
import { configurationOf } from "../core/membership.ts";
import { encodeConfigPayload } from "../entry/config-payload.ts";
import { RaftError } from "../errors.ts";
import { MemoryLog } from "../log/memory-log.ts";
import { type ForcedMembers, forceMembers, planForcedMembers } from "./forced-members.ts";

const at = (nodeId: number) => ({ nodeId, host: `host${nodeId}`, port: 7000 });

function wanted(nodeId: number, voters: readonly number[]): ForcedMembers {
  const start = [1, 2, 3, 4, 5].map(at);
  return { nodeId, voters: voters.map(at), start, snapshotConfig: null, wallMs: 1000 };
}

function problems(forced: ForcedMembers, state: Parameters<typeof planForcedMembers>[0]) {
  try {
    planForcedMembers(state, forced);
  } catch (error) {
    if (error instanceof RaftError && error.fault.code === "DT_RAFT_MEMBERS_INVALID") {
      return error.fault.problems;
    }
    throw error;
  }
  return [];
}

function newLog(): MemoryLog {
  return new MemoryLog({ defer: (task) => queueMicrotask(task) });
}

describe("forced members", () => {
  test("are written behind everything that the log holds, in a term that nobody can be in", async () => {
    const log = newLog();
    const plan = planForcedMembers(await log.open(), wanted(2, [2, 4]));
    expect(plan).toMatchObject({ voters: [2, 4], gone: [1, 3, 5], term: 1000, index: 1 });
    await forceMembers(log, plan);
    const state = await log.open();
    expect(state.hardState).toMatchObject({ term: 1000, vote: 2 });
    const [entry] = state.configs;
    expect(configurationOf(entry!)).toMatchObject({
      members: [at(2), at(4)],
      voters: [2, 4],
      nextVoters: [],
      removed: [1, 3, 5],
    });
    // The same once more, from there.
    const again = planForcedMembers(state, wanted(2, [2]));
    expect(again).toMatchObject({ gone: [4], term: 2000, index: 2 });
  });

  test("come from the snapshot's configuration where the log holds none", async () => {
    const payload = encodeConfigPayload({
      members: [at(7), at(8), at(9)],
      voters: [7, 8],
      observers: [9],
      nextVoters: [],
      nextObservers: [],
      prepareIndex: 0,
      leavesByItself: false,
      removed: [1],
      isAbort: false,
    });
    const forced = { ...wanted(7, [7]), snapshotConfig: { index: 5, term: 2, payload } };
    const plan = planForcedMembers(await newLog().open(), forced);
    expect(plan).toMatchObject({ before: { voters: [7, 8] }, gone: [8, 9] });
    expect(plan.write.batches).toMatchObject([{ firstIndex: 1, lastIndex: 1, term: 1000 }]);
  });

  test.each([
    ["without the node whose log it is", wanted(1, [2]), /node 1, whose log this is/],
    ["with a stranger", wanted(1, [1, 9]), /node 9 does not vote/],
    ["with a voter twice", wanted(1, [1, 1]), /twice/],
    ["without anybody", wanted(1, []), /node 1/],
    [
      "with an address that nobody can dial",
      { ...wanted(1, [1]), voters: [{ nodeId: 1, host: "", port: 0 }] },
      /node 1: the host .*node 1: the port 0/,
    ],
  ])("are refused %s", async (_, forced, problem) => {
    expect(problems(forced, await newLog().open()).join()).toMatch(problem);
  });

  test("are refused for a log with damage", async () => {
    const range = { firstIndex: 3, lastIndex: 4, prevTerm: 1, prevChain: 0, chain: 0 };
    const damaged = [{ ...range, file: "f", offset: 0, reason: "crc" }];
    const state = { ...(await newLog().open()), damaged };
    expect(problems(wanted(1, [1]), state)).toEqual(["entries 3 to 4 are damaged"]);
  });
});
