import fc from "fast-check";
import { expect, test } from "vitest";
import { CommandTable } from "../../src/index.ts";
import { readText, writeText } from "../support/bodies.ts";
import { startPair } from "../support/pair.ts";
import { until } from "../support/until.ts";
import type { IncomingRequest } from "../../src/index.ts";

/** A call that was made, and what its reply has to be. */
interface Expected {
  readonly reply: string;
  readonly actual: Promise<string>;
}

/** A request that a handler keeps, and what it will answer. */
interface Kept {
  readonly request: IncomingRequest;
  readonly reply: string;
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("call"), size: fc.nat({ max: 300 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("call"), size: fc.nat({ max: 200_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("push"), size: fc.nat({ max: 300 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("answer"), size: fc.nat({ max: 1000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("turn"), size: fc.constant(0) }) },
);

test("every call gets the reply to its own request, however calls and replies interleave", async () => {
  const limits = {
    maxInFlightRequests: 20,
    maxSendBufferBytes: 64 * 1024,
    maxReplyBacklogBytes: 2 ** 26,
  };
  const { server, client, far } = await startPair(limits, limits);
  const kept: Kept[] = [];
  const keep = (request: IncomingRequest, body: Buffer, start: number, end: number): void => {
    kept.push({ request, reply: `${request.groupId}:${readText(body, start, end)}` });
  };
  server.commands.on(300, keep);
  server.groups.register(77, new CommandTable().on(300, keep));
  client.commands.on(300, keep);
  let number = 0;

  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
      const expected: Expected[] = [];
      const answer = (index: number): void => {
        const [{ request, reply }] = kept.splice(index % kept.length, 1) as [Kept];
        request.reply(writeText, reply);
      };
      for (const { kind, size } of steps) {
        if (kind === "turn") {
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        } else if (kind === "answer") {
          if (kept.length > 0) {
            answer(size);
          }
        } else {
          const groupId = kind === "call" && size % 2 === 0 ? 77 : 0;
          const caller = kind === "call" ? client : far;
          const text = `${number++} `.padEnd(size, "x");
          const actual = caller.call(300, groupId, 0, writeText, text, readText);
          expected.push({ reply: `${groupId}:${text}`, actual });
        }
      }
      let settledCount = 0;
      const all = Promise.all(expected.map(({ actual }) => actual.then(() => settledCount++)));
      await until(() => {
        while (kept.length > 0) {
          answer(settledCount);
        }
        return settledCount === expected.length;
      }, "all replies");
      await all;
      for (const { reply, actual } of expected) {
        expect(await actual).toBe(reply);
      }
    }),
    { numRuns: 60 },
  );
});
