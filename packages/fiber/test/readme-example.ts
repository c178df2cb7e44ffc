import { Dispatcher, FiberChannel, NodeClock, sleep } from "@dt/fiber";

const dispatcher = new Dispatcher({ clock: new NodeClock() });
const group = dispatcher.group("example");
const lines = new FiberChannel<string>(16, "lines");

group.start("writer", function* () {
  for (let line = yield* lines.take(); line !== null; line = yield* lines.take()) {
    process.stdout.write(`${line}\n`);
  }
});
group.start("reader", function* () {
  for (const line of ["one", "two"]) {
    yield* lines.put(line);
    yield* sleep(10);
  }
  lines.close();
});
await dispatcher.close();
