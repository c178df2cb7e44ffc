import { expect, test } from "vitest";
import { ParkedRequests } from "./parked-requests.ts";

const body = Buffer.alloc(0);

test("requests leave in the order they came, however pushes and shifts alternate", () => {
  const parked = new ParkedRequests();
  const left: number[] = [];
  let next = 0;
  for (let round = 0; round < 100; round++) {
    for (let count = 0; count < round % 7; count++) {
      parked.push({
        command: next++,
        groupId: 0,
        seq: 0,
        deadlineMs: 0,
        extension: null,
        frameBytes: 16,
        body,
        isCancelled: false,
      });
    }
    for (let count = 0; count < round % 5; count++) {
      const request = parked.shift();
      if (request !== null) {
        left.push(request.command);
      }
    }
    expect(parked.isEmpty).toBe(left.length === next);
  }
  for (let request = parked.shift(); request !== null; request = parked.shift()) {
    left.push(request.command);
  }
  expect(left).toEqual(Array.from({ length: next }, (_, index) => index));
  expect(parked.isEmpty).toBe(true);
});
