import { expect, test } from "vitest";
import { BatchBuilder } from "../../entry/batch-builder.ts";
import type { EntryBatch } from "../../entry/entry-batch.ts";
import { EntryType } from "../../entry/record.ts";
import { ProposalQueue } from "../proposal-queue.ts";
import { SESSION_LIMITS } from "./session-limits.ts";
import { SessionStage } from "./session-stage.ts";
import { SessionTable } from "./session-table.ts";

const CODEC = {
  encodeResult: (text: string) => Buffer.from(text),
  decodeResult: (bytes: Buffer) => bytes.toString(),
};

test("an entry gets its own result, also behind one that nobody waits for", () => {
  const stage = new SessionStage(new SessionTable(SESSION_LIMITS), CODEC, 1);
  const proposals = new ProposalQueue<string>(1 << 20);
  const answers: string[] = [];
  const waiter = {
    succeed: (result: string, index: number) => void answers.push(`${result}@${index}`),
    fail: () => undefined,
  };
  proposals.add(1, Buffer.from("b"), 0, 1, waiter);
  proposals.seal(2, 1, 0, 0);
  const builder = new BatchBuilder(1 << 20);
  builder.add(EntryType.normal, 1, Buffer.from("a"), 0, 1);
  builder.add(EntryType.normal, 1, Buffer.from("b"), 0, 1);
  const [batch] = builder.seal(1, 1, 0, 0) as [EntryBatch];
  stage.settle(batch, ["first", "second"], proposals);
  expect(answers).toEqual(["second@2"]);
});
