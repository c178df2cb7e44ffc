import { describe, expect, it, onTestFinished } from "vitest";
import { StopRequest } from "./stop-request.ts";

function stopRequest() {
  const forced: NodeJS.Signals[] = [];
  const clock = { nowMs: 0 };
  const stop = new StopRequest(
    (signal) => forced.push(signal),
    () => clock.nowMs,
  );
  onTestFinished(() => stop.release());
  return { stop, forced, clock };
}

describe("a request to stop", () => {
  it("is a signal, and another one a second later forces", async () => {
    const { stop, forced, clock } = stopRequest();
    process.emit("SIGTERM", "SIGTERM");
    expect(await stop.cause).toEqual({ kind: "signal", signal: "SIGTERM" });
    clock.nowMs = 1000;
    process.emit("SIGINT", "SIGINT");
    expect(forced).toEqual(["SIGINT"]);
  });

  it("takes a repeated signal for the same request", () => {
    const { forced, clock } = stopRequest();
    process.emit("SIGINT", "SIGINT");
    clock.nowMs = 999;
    process.emit("SIGINT", "SIGINT");
    expect(forced).toEqual([]);
  });

  it("keeps its first cause", async () => {
    const { stop, forced, clock } = stopRequest();
    stop.request({ kind: "launcher" });
    clock.nowMs = 5000;
    process.emit("SIGTERM", "SIGTERM");
    expect(await stop.cause).toEqual({ kind: "launcher" });
    expect(forced).toEqual(["SIGTERM"]);
  });

  it("gives the signals back", () => {
    const before = process.listenerCount("SIGTERM");
    const { stop } = stopRequest();
    expect(process.listenerCount("SIGTERM")).toBe(before + 1);
    stop.release();
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });
});
