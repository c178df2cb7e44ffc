import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CommandTable } from "./command-table.ts";
import { GroupDispatcher, GroupState } from "./group-dispatcher.ts";

const table = new CommandTable();

describe("GroupDispatcher", () => {
  test("knows a group from register to unregister", () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    groups.register(0xffff_ffff, table);
    expect([groups.exists(7), groups.exists(8), groups.count]).toEqual([true, false, 2]);
    groups.unregister(7);
    groups.unregister(7);
    expect([groups.exists(7), groups.count]).toEqual([false, 1]);
    groups.register(7, table);
    expect(groups.count).toBe(2);
  });

  test("refuses a group that is registered already", () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    expect(() => groups.register(7, table)).toThrow("already");
  });

  test.each([0, -1, 1.5, 2 ** 32, NaN])("refuses group id %d", (groupId) => {
    expect(() => new GroupDispatcher().register(groupId, table)).toThrow(RangeError);
  });

  test("remembers when a group was last used, which is never before it was registered", () => {
    const groups = new GroupDispatcher();
    const beforeMs = performance.now();
    groups.register(7, table);
    expect(groups.lastActivityMs(7)).toBeGreaterThanOrEqual(beforeMs);
    expect(groups.lastActivityMs(8)).toBe(0);
  });

  test("draining ends at once when nothing is under way", async () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    await groups.drain(7);
    await groups.drain(8);
    expect(groups.exists(7)).toBe(true);
  });

  test("draining ends with the last request, for everyone who waits", async () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    const group = groups.find(7);
    group!.inFlight = 2;
    const ended: string[] = [];
    const waits = ["a", "b"].map((name) => groups.drain(7).then(() => ended.push(name)));
    group!.release();
    await Promise.resolve();
    expect(ended).toEqual([]);
    group!.release();
    await Promise.all(waits);
    expect(ended).toEqual(["a", "b"]);
  });

  test("retiring a group ends with its last request, and then the group is unknown", async () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    const group = groups.find(7);
    group!.inFlight = 1;
    const retired = groups.retire(7, 60_000);
    expect([groups.exists(7), group!.state]).toEqual([true, GroupState.draining]);
    group!.release();
    expect(await retired).toBe(true);
    expect([groups.exists(7), group!.state]).toEqual([false, GroupState.removed]);
    expect(await groups.retire(7, 60_000)).toBe(true);
  });

  test("retiring a group does not wait longer than it is told to, and says so", async () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    groups.find(7)!.inFlight = 1;
    expect(await groups.retire(7, 1)).toBe(false);
    expect(groups.exists(7)).toBe(false);
  });

  test("retiring a group with all the time there is waits for its last request", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const groups = new GroupDispatcher();
    groups.register(7, table);
    const group = groups.find(7);
    group!.inFlight = 1;
    const retired = groups.retire(7, Infinity);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(groups.exists(7)).toBe(true);
    group!.release();
    expect(await retired).toBe(true);
  });

  test("retiring a group within NaN milliseconds is refused, and it goes on", async () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    await expect(groups.retire(7, NaN)).rejects.toThrow(RangeError);
    expect(groups.find(7)?.state).toBe(GroupState.running);
  });

  test("retiring a group leaves another one alone that has taken its id meanwhile", async () => {
    const groups = new GroupDispatcher();
    groups.register(7, table);
    const old = groups.find(7);
    old!.inFlight = 1;
    const retired = groups.retire(7, 60_000);
    groups.unregister(7);
    groups.register(7, table);
    old!.release();
    expect(await retired).toBe(true);
    expect(groups.exists(7)).toBe(true);
  });
});
