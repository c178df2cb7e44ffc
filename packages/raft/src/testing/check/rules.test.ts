import { describe, expect, test } from "vitest";
import { EventQueue } from "../sim/event-queue.ts";
import { SimTrace } from "../sim/sim-trace.ts";
import { type ClientCall, ClientHistory } from "./client-history.ts";
import { Ledger } from "./ledger.ts";

describe("the ledger", () => {
  test("I1 knows one leader per term", () => {
    const ledger = new Ledger();
    ledger.noteLeader(1, 2, [7]);
    ledger.noteLeader(2, 3, []);
    expect([ledger.leaderChains(1), ledger.leaderChains(3)]).toEqual([[7], null]);
    expect(() => ledger.noteLeader(1, 3, [])).toThrow("I1: nodes 2 and 3 both lead term 1");
  });

  test("I2 knows one entry per term and index", () => {
    const ledger = new Ledger();
    ledger.noteEntry(1, 5, 2, 77);
    ledger.noteEntry(2, 5, 2, 77);
    ledger.noteEntry(3, 5, 3, 78);
    expect(() => ledger.noteEntry(3, 5, 2, 78)).toThrow("I2");
  });

  test("I4 knows one committed entry per index, and who committed when", () => {
    const ledger = new Ledger();
    ledger.noteCommitted(1, 1, 1, 11, 1);
    ledger.noteCommitted(1, 2, 1, 12, 3);
    ledger.noteCommitted(2, 2, 1, 12, 4);
    expect(() => ledger.noteCommitted(2, 2, 2, 13, 4)).toThrow("I4");
    expect(() => ledger.noteCommitted(2, 4, 2, 13, 4)).toThrow("out of order");
    expect([1, 2, 3, 4].map((term) => ledger.committedBefore(term))).toEqual([0, 1, 1, 2]);
    expect([ledger.committedChain(2), ledger.committedChain(3)]).toEqual([12, null]);
    expect([ledger.commitTermOf(2), ledger.commitTermOf(3)]).toEqual([3, Infinity]);
  });

  test("I7 knows one state per index", () => {
    const ledger = new Ledger();
    ledger.noteDigest(1, 1, 100);
    ledger.noteDigest(2, 1, 100);
    expect(() => ledger.noteDigest(3, 1, 101)).toThrow("I7");
  });
});

describe("the history of calls", () => {
  function begin(): { history: ClientHistory; write: () => ClientCall; read: () => ClientCall } {
    const history = new ClientHistory(new EventQueue(), new SimTrace());
    return {
      history,
      write: () => history.invoke("write", 1, 1, 1, 8),
      read: () => history.invoke("read", 1, 1, 1, 0),
    };
  }

  test("a write is acknowledged where it was applied", () => {
    const { history, write } = begin();
    const call = write();
    history.noteApplied(call, 4);
    expect(() => history.succeed(call, 5, 0)).toThrow("was applied at 4");
    history.succeed(call, 4, 0);
    expect(() => history.lose(call)).toThrow("ends twice");
  });

  test("I12 a write is applied at one index only", () => {
    const { history, write } = begin();
    const call = write();
    history.noteApplied(call, 4);
    history.noteApplied(call, 4);
    expect(() => history.noteApplied(call, 5)).toThrow("I12");
  });

  test("a refused write is never applied, before or after", () => {
    const { history, write } = begin();
    const [applied, refused] = [write(), write()];
    history.noteApplied(applied, 1);
    expect(() => history.refuse(applied)).toThrow("is refused but was applied");
    history.refuse(refused);
    expect(() => history.noteApplied(refused, 2)).toThrow("was refused and is applied");
  });

  test("I11 a read sees what had been answered before it began", () => {
    const { history, write, read } = begin();
    const early = read();
    const call = write();
    history.noteApplied(call, 4);
    history.succeed(call, 4, 0);
    const late = read();
    history.succeed(early, 3, 0);
    expect(() => history.succeed(late, 3, 0)).toThrow("I11");
    history.succeed(late, 4, call.id);
    expect(read().floorIndex).toBe(4);
  });
});
