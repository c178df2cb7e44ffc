import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { RaftError } from "../errors.ts";
import { DEFAULT_GROUP_OPTIONS, resolveGroupOptions } from "./group-options.ts";
import type { GroupOptions } from "./group-options.ts";

function problemsOf(input: object): readonly string[] {
  try {
    resolveGroupOptions(input as GroupOptions);
  } catch (error) {
    assert.ok(error instanceof RaftError && error.fault.code === "DT_RAFT_OPTIONS");
    return error.fault.problems;
  }
  return [];
}

describe("group options", () => {
  test("the defaults stand when nothing is given, frozen", () => {
    const options = resolveGroupOptions();
    assert.deepEqual(options, DEFAULT_GROUP_OPTIONS);
    assert.ok(Object.isFrozen(options));
    assert.equal(resolveGroupOptions({ heartbeatMs: 100 }).heartbeatMs, 100);
  });

  test("every problem is reported at once, with its name and value", () => {
    const problems = problemsOf({ heartbeatMs: 0, tickMs: 1.5, preVote: "yes", colour: 1 });
    assert.equal(problems.length, 4);
    for (const name of ["heartbeatMs: 0", "tickMs: 1.5", "preVote: yes", "colour: unknown"]) {
      assert.ok(
        problems.some((problem) => problem.startsWith(name)),
        name,
      );
    }
  });

  test("relations between options are checked", () => {
    assert.match(problemsOf({ electionTimeoutMinMs: 500 })[0] ?? "", /below 3 x heartbeatMs/);
    assert.match(problemsOf({ electionTimeoutMaxMs: 1500 })[0] ?? "", /not above/);
    assert.match(problemsOf({ tickMs: 200 })[0] ?? "", /over half of heartbeatMs/);
    assert.match(problemsOf({ windowBytes: 1000 })[0] ?? "", /below maxAppendBytes/);
    assert.match(problemsOf({ maxPendingBytes: 1000 })[0] ?? "", /below maxEntryBytes/);
  });
});
