import { PassThrough } from "node:stream";
import { RaftError } from "@dt/raft";
import { expect, it } from "vitest";
import { viewAfterwards } from "./members-command.ts";

it("a change that was made is not told as one that was not, when nobody says who the members are then", async () => {
  const stderr = new PassThrough({ encoding: "utf8" });
  const view = await viewAfterwards({ stderr }, () =>
    Promise.reject(new RaftError({ code: "DT_RAFT_NO_LEADER", timeoutMs: 10, tried: 3 })),
  );
  expect(view).toBeNull();
  expect(stderr.read()).toMatch(/^dt: it is done, but .*: DT_RAFT_NO_LEADER: [^\n]+\n$/u);
});
