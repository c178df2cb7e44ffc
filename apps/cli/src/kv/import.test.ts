import { KvClient } from "@dt/kv";
import type { KvChannel, PutRequest } from "@dt/kv";
import { RaftError } from "@dt/raft";
import { describe, expect, it } from "vitest";
import { CliExit } from "../exit-code.ts";
import { describeFailure } from "../failure.ts";
import type { StoredNode } from "../tree/flatten-tree.ts";
import { storeNodes } from "./import.ts";

/** One value fills a batch. */
const VALUE = "x".repeat(256 * 1024);
const PROGRESS = { advance: () => undefined, stop: () => undefined };

const noLeader = new RaftError({ code: "DT_RAFT_NO_LEADER", timeoutMs: 1, tried: 0 });
const unknown = new RaftError({ code: "DT_RAFT_OUTCOME_UNKNOWN", command: 37 });

type Answer = "stored" | RaftError;

/** Answers the attempts to store each key one after the other, the last answer again and again. */
function treeThat(answers: Readonly<Record<string, readonly Answer[]>>): KvClient {
  const attempts = new Map<string, number>();
  const channel: KvChannel = {
    async call<A, T>(_command: number, _groupId: number, _encode: unknown, argument: A) {
      const puts = argument as unknown as readonly PutRequest[];
      const { key = "" } = puts[0] ?? {};
      const attempt = attempts.get(key) ?? 0;
      attempts.set(key, attempt + 1);
      const script = answers[key] ?? ["stored"];
      const answer = script[attempt] ?? script.at(-1);
      if (answer instanceof RaftError) {
        throw answer;
      }
      return puts.map(() => ({ isOk: true, revision: 1 })) as T;
    },
  };
  return new KvClient(channel, { groupId: 1 });
}

function failureOf(keys: readonly string[], tree: KvClient): Promise<unknown> {
  const nodes = keys.map((key): StoredNode => ({ kind: "value", key, value: VALUE }));
  return storeNodes(tree, nodes, PROGRESS).then(
    () => null,
    (error: unknown) => error,
  );
}

describe("an import that fails", () => {
  it("with nothing stored fails as the call did, and nothing was changed", async () => {
    const error = await failureOf(["a", "b"], treeThat({ a: [noLeader], b: [noLeader] }));
    expect(error).toBe(noLeader);
    expect(describeFailure(error).exitCode).toBe(CliExit.unavailable);
  });

  it("with a part stored says how much, and not that nothing was changed", async () => {
    const error = await failureOf(["a", "b", "c"], treeThat({ b: [noLeader] }));
    const { exitCode, text } = describeFailure(error);
    expect(error).toMatchObject({ code: "DT_CLI_IMPORT_BROKEN_OFF", cause: noLeader });
    expect(exitCode).toBe(CliExit.failed);
    expect(text).toMatch(/^DT_CLI_IMPORT_BROKEN_OFF: 2 of 3 leaves are stored: DT_RAFT_NO_LEADER/u);
  });

  it("with an answer lost says that more may be stored", async () => {
    const error = await failureOf(["a", "b", "c"], treeThat({ b: [noLeader], c: [unknown] }));
    const { exitCode, text } = describeFailure(error);
    expect(exitCode).toBe(CliExit.outcomeUnknown);
    expect(text).toContain("1 of 3 leaves are stored, and perhaps some more");
  });

  it("is of unknown outcome when an earlier attempt was, whatever the last one says", async () => {
    const error = await failureOf(["a"], treeThat({ a: [unknown, noLeader] }));
    expect(error).toBe(unknown);
    expect(describeFailure(error).exitCode).toBe(CliExit.outcomeUnknown);
  });

  it("only for a while repeats what may have been stored", async () => {
    const again = await failureOf(["a"], treeThat({ a: [unknown, unknown, "stored"] }));
    expect(again).toBeNull();
  });
});
