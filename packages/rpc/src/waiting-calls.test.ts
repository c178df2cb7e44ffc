import { expect, test } from "vitest";
import { PendingCalls } from "./pending-calls.ts";
import { WaitingCall, WaitingCalls } from "./waiting-calls.ts";

function create(): { queue: WaitingCalls; items: WaitingCall[] } {
  const pending = new PendingCalls(() => {});
  const queue = new WaitingCalls();
  const items = [0, 1, 2, 3].map((command) => {
    const call = pending.add({ onReply() {}, onFail() {} }, 0);
    const item = new WaitingCall(call, command, 0, 0, () => {}, null);
    queue.append(item);
    return item;
  });
  return { queue, items };
}

function drained(queue: WaitingCalls): number[] {
  const commands: number[] = [];
  for (let first = queue.first; first !== null; first = queue.first) {
    commands.push(first.command);
    queue.remove(first);
  }
  return commands;
}

test("calls leave in the order they came", () => {
  const { queue } = create();
  expect(queue.count).toBe(4);
  expect(drained(queue)).toEqual([0, 1, 2, 3]);
  expect(queue.count).toBe(0);
});

test.each([0, 1, 2, 3])("call %i leaves before its turn without harm to the others", (index) => {
  const { queue, items } = create();
  const item = items[index];
  queue.remove(item!);
  queue.append(item!);
  expect(drained(queue)).toEqual([...[0, 1, 2, 3].filter((other) => other !== index), index]);
});
