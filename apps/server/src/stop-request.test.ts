import { describe, expect, it, onTestFinished } from "vitest";
import { StopRequest } from "./stop-request.ts";

function stopRequest(): { stop: StopRequest; forced: NodeJS.Signals[] } {
  const forced: NodeJS.Signals[] = [];
  const stop = new StopRequest((signal) => forced.push(signal));
  onTestFinished(() => stop.release());
  return { stop, forced };
}

describe("a request to stop", () => {
  it("is a signal, and a second one forces", async () => {
    const { stop, forced } = stopRequest();
    process.emit("SIGTERM", "SIGTERM");
    expect(await stop.cause).toEqual({ kind: "signal", signal: "SIGTERM" });
    expect(forced).toEqual([]);
    process.emit("SIGINT", "SIGINT");
    expect(forced).toEqual(["SIGINT"]);
  });

  it("keeps its first cause", async () => {
    const { stop, forced } = stopRequest();
    stop.request({ kind: "launcher" });
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
