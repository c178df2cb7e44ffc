import { describe, expect, it, onTestFinished } from "vitest";
import { StopSignal } from "./stop-signal.ts";

function stopSignal() {
  const clock = { nowMs: 0 };
  const stop = new StopSignal(() => clock.nowMs);
  onTestFinished(() => stop.release());
  const events: string[] = [];
  void stop.requested.then(() => events.push("requested"));
  void stop.insisted.then(() => events.push("insisted"));
  return { stop, clock, events };
}

/** Lets the promises that are settled call back. */
async function settle(): Promise<void> {
  await Promise.resolve();
}

describe("the wish to stop", () => {
  it("is heard once, however often one Ctrl-C arrives", async () => {
    const { stop, clock, events } = stopSignal();
    expect(stop.signal.aborted).toBe(false);
    process.emit("SIGINT", "SIGINT");
    clock.nowMs = 999;
    process.emit("SIGINT", "SIGINT");
    await settle();
    expect(stop.signal.aborted).toBe(true);
    expect(events).toEqual(["requested"]);
  });

  it("is a command when it comes again", async () => {
    const { clock, events } = stopSignal();
    process.emit("SIGHUP", "SIGHUP");
    clock.nowMs = 1000;
    process.emit("SIGTERM", "SIGTERM");
    await settle();
    expect(events).toEqual(["requested", "insisted"]);
  });
});
