import { expect, test } from "vitest";

import { World } from "../test/world.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FiberFuture } from "./fiber-future.ts";
import { NodeClock } from "./node-clock.ts";
import { fromPromise, toPromise } from "./promise.ts";

test("a fiber waits for a promise and gets its value", async () => {
  const dispatcher = new Dispatcher({ clock: new NodeClock() });
  const group = dispatcher.group("group");
  const value = await group.run("waits", function* () {
    return `${yield* fromPromise(Promise.resolve("promised"))} value`;
  });
  expect(value).toBe("promised value");
  await dispatcher.close();
});

test("a rejection is thrown in the fiber as it is", async () => {
  const dispatcher = new Dispatcher({ clock: new NodeClock() });
  const group = dispatcher.group("group");
  const error = new Error("refused");
  const caught = await group.run("waits", function* () {
    try {
      return yield* fromPromise(Promise.reject(error));
    } catch (thrown) {
      return thrown;
    }
  });
  expect(caught).toBe(error);
  await dispatcher.close();
});

test("a promise follows a future to its value or its error, also when that is there already", async () => {
  const late = new FiberFuture<number>("late");
  const promise = toPromise(late);
  late.complete(1);
  expect(await promise).toBe(1);
  const failed = new FiberFuture<number>("failed");
  failed.fail(new Error("refused"));
  await expect(toPromise(failed)).rejects.toThrow("refused");
});

test("a time limit on a promise is the future's", () => {
  const world = new World();
  expect(() =>
    world.run(function* () {
      yield* fromPromise(new Promise(() => {}), "never").wait(10);
    }),
  ).toThrow("timed out after 10 ms waiting for future never");
});
