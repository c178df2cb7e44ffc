import { expect, test } from "vitest";
import { IdleWatch } from "./idle-watch.ts";

test("does not wait for what is idle, nor when no time is given", async () => {
  await new IdleWatch(() => true).wait(1e9);
  await new IdleWatch(() => false).wait(0);
});

test("wakes everyone once it is idle, and not before", async () => {
  let isIdle = false;
  const watch = new IdleWatch(() => isIdle);
  let woken = 0;
  const waits = [1, 2].map(() => watch.wait(1e9).then(() => woken++));
  watch.check();
  await Promise.resolve();
  expect(woken).toBe(0);
  isIdle = true;
  watch.check();
  await Promise.all(waits);
  expect(woken).toBe(2);
});

test("gives up when the time is over", async () => {
  await new IdleWatch(() => false).wait(1);
});
