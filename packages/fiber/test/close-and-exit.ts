// Run as a process of its own by close-and-exit.test.ts: it ends only if close leaves no timer behind.
import { Dispatcher, FiberCondition, NodeClock, sleep } from "../src/index.ts";

const dispatcher = new Dispatcher({ clock: new NodeClock() });
const group = dispatcher.group("group");
const condition = new FiberCondition("condition");
const sleeper = group.start("sleeper", function* () {
  yield* sleep(1e9);
});
group.start(
  "daemon",
  function* () {
    yield* condition.wait(1e9);
  },
  { daemon: true },
);
await group.run("worker", function* () {
  yield* sleep(2);
  sleeper.interrupt();
});
await dispatcher.close();
process.stdout.write("closed\n");
