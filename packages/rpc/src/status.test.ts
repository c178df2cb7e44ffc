import { expect, test } from "vitest";
import { Status, statusFromWire, statusName } from "./status.ts";

test("the numbers on the wire are these and stay these", () => {
  expect(Status).toEqual({
    ok: 0,
    invalid: 1,
    unauthenticated: 2,
    denied: 3,
    notSupported: 4,
    notReady: 5,
    stopping: 6,
    flowControl: 7,
    timeout: 8,
    notLeader: 9,
    groupNotFound: 10,
    groupStopped: 11,
    tooLarge: 12,
    internal: 13,
  });
});

test("every number reads as its status, and an unknown one as internal", () => {
  for (const status of Object.values(Status)) {
    expect(statusFromWire(status)).toBe(status);
  }
  expect([14, 0xffff_ffff].map(statusFromWire)).toEqual([Status.internal, Status.internal]);
});

test("every status has its name", () => {
  expect(statusName(Status.notLeader)).toBe("notLeader");
});
