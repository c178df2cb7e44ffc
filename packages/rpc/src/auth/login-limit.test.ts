import { expect, test } from "vitest";
import { LoginLimit } from "./login-limit.ts";

const OPTIONS = { maxLoginFailures: 3, loginFailureMs: 1000, maxLoginAddresses: 100 };

test("an address waits after its last allowed failure, until one is forgotten", () => {
  const limit = new LoginLimit(OPTIONS);
  for (let count = 0; count < 3; count++) {
    expect(limit.waitMs("a", 0)).toBe(0);
    limit.failed("a", 0);
  }
  expect(limit.waitMs("a", 0)).toBe(1000);
  expect(limit.waitMs("b", 0)).toBe(0);
  expect(limit.waitMs("a", 999)).toBe(1);
  expect(limit.waitMs("a", 1000)).toBe(0);
  limit.failed("a", 1000);
  expect(limit.waitMs("a", 1000)).toBe(1000);
});

test("what was forgotten takes no memory", () => {
  const limit = new LoginLimit(OPTIONS);
  limit.failed("a", 0);
  limit.failed("a", 500);
  expect(limit.waitMs("a", 1999)).toBe(0);
  expect(limit.size).toBe(1);
  expect(limit.waitMs("a", 2000)).toBe(0);
  expect(limit.size).toBe(0);
});

test("failures without end cost a wait that has one", () => {
  const limit = new LoginLimit(OPTIONS);
  for (let count = 0; count < 1000; count++) {
    limit.failed("a", 0);
  }
  expect(limit.waitMs("a", 0)).toBe(10_000);
});

test("no more addresses are remembered than allowed, the latest ones", () => {
  const limit = new LoginLimit(OPTIONS);
  for (let address = 0; address < 1000; address++) {
    for (let count = 0; count < 3; count++) {
      limit.failed(`10.0.0.${address}`, 0);
    }
  }
  expect(limit.size).toBe(100);
  expect(limit.waitMs("10.0.0.899", 0)).toBe(0);
  expect(limit.waitMs("10.0.0.900", 0)).toBe(1000);
});

test.each([
  ["2001:db8::1", "2001:db8::ffff:2", true],
  ["2001:db8:0:0:1::1", "2001:db8::2", true],
  ["2001:db8:1::1", "2001:db8:2::1", false],
  ["::1", "::2", true],
  ["::ffff:10.0.0.1", "10.0.0.1", true],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.2", false],
])("%s and %s count as the same: %s", (one, other, isSame) => {
  const limit = new LoginLimit({ ...OPTIONS, maxLoginFailures: 1 });
  limit.failed(one, 0);
  expect(limit.waitMs(other, 0) > 0).toBe(isSame);
});
