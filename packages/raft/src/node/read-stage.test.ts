import { VirtualClock } from "@dt/fiber";
import { expect, test } from "vitest";
import { HandDriven, ofKind } from "../core/hand-driven.test.kit.ts";
import { MessageKind } from "../core/message.ts";
import { accepted } from "../core/messages.test.kit.ts";
import type { GroupStanding } from "./group-standing.ts";
import { ReadStage } from "./read-stage.ts";
import { TurnSignal } from "./turn-signal.ts";

test("Q13 a read that begins late in a turn is not served by a lease that ended during the turn", () => {
  const node = new HandDriven();
  node.win();
  node.persistAll();
  node.receive(accepted(1, 1, { sentAtMs: node.nowMs }));
  const { core } = node;
  const clock = new VirtualClock();
  const stage = new ReadStage({
    core,
    clock,
    applies: { appliedIndex: core.commitIndex },
    standing: { stopped: null } as GroupStanding,
    signal: new TurnSignal("reads"),
    maxPendingReads: 10,
  });
  let ready = 0;
  const waiter = {
    ready: () => void ready++,
    fail: (error: Error) => {
      throw error;
    },
  };
  const turnMs = node.nowMs;
  clock.advance(turnMs);
  expect(turnMs).toBeLessThan(core.leaseUntilMs());
  stage.read(waiter, false);
  stage.step(turnMs, 0);
  stage.queue.serve(core.commitIndex);
  expect(ready).toBe(1);
  clock.advance(core.leaseUntilMs() - turnMs);
  stage.read(waiter, false);
  stage.step(turnMs, 0);
  stage.queue.serve(core.commitIndex);
  expect(ready).toBe(1);
  expect(ofKind(core.take().messages, MessageKind.heartbeat)).toHaveLength(2);
});
