import { describe, expect, test } from "vitest";
import { InputKind } from "../../src/core/input.ts";
import { type Message, MessageKind } from "../../src/core/message.ts";
import { SimCluster, type SimNode } from "../../src/testing/index.ts";
import { ledByFirst, messages } from "./cluster.test.kit.ts";

test("E15 no term gets two leaders when nodes die 1,000 times between vote and sync", () => {
  const cluster = new SimCluster({
    seed: 15,
    nodeCount: 3,
    core: { preVote: false, electionTimeoutMinMs: 300, electionTimeoutMaxMs: 450 },
    disk: { syncMinMs: 5, syncMaxMs: 60 },
  });
  /** A node whose vote in a new term is on its way to the disk. */
  const undecided = (): SimNode | undefined =>
    cluster.nodes.find(({ disk: { issued, durable } }) => {
      const { term, vote } = issued.hardState;
      return vote !== 0 && term > durable.hardState.term;
    });
  const restart = (node: SimNode): void => {
    cluster.script(() => {
      node.crash();
      node.start();
    });
  };
  let kills = 0;
  while (kills < 1000) {
    const isTime = (): boolean => cluster.leader !== null || undecided() !== undefined;
    cluster.runUntil(isTime, 20 * cluster.electionMs, "a vote");
    if (cluster.leader !== null) {
      restart(cluster.leader);
      continue;
    }
    cluster.run(cluster.random.between(0, 150));
    const node = undecided();
    if (node !== undefined) {
      restart(node);
      kills++;
    }
  }
  expect(cluster.invariants.elections).toBeGreaterThan(50);
  cluster.settle();
});

describe("E22 a proposal and a vote request in one batch", () => {
  type Event = "propose" | "persist" | "bump" | "vote";

  /** What node 1, leader of term 1, makes of the events when they come in this order. */
  function play(order: readonly Event[], takeEach: boolean): { granted: boolean; kept: boolean } {
    const cluster = ledByFirst();
    const node = cluster.node(1);
    const { lastIndex, lastTerm, term } = node.core;
    cluster.network.hold(() => true);
    cluster.network.take();
    node.disk.hold();
    const request = { from: 2, to: 1, term: term + 1, lastIndex, lastTerm, isSuccessor: false };
    const events: Record<Event, () => void> = {
      propose: () => node.propose([cluster.draftWrite(1)]),
      persist: () => {
        node.take();
        node.disk.flush();
      },
      // The candidate answers a heartbeat and so tells of its term.
      bump: () => receive(node, { ...reply, term: term + 1 }),
      vote: () => receive(node, { ...request, kind: MessageKind.vote }),
    };
    const reply = {
      kind: MessageKind.heartbeatReply,
      from: 2,
      to: 1,
      sentAtMs: 0,
      readToken: 0,
    } as const;
    cluster.script(() => {
      for (const event of order) {
        events[event]();
        if (takeEach) {
          node.take();
        }
      }
      node.take();
      node.disk.flush();
    });
    cluster.run(5);
    const replies = cluster.network.held.filter(messages([MessageKind.voteReply], 1, 2));
    const granted = replies.some((message) => "granted" in message && message.granted);
    return { granted, kept: node.core.lastIndex > lastIndex };
  }

  function receive(node: SimNode, message: Message): void {
    node.step({ kind: InputKind.message, message });
  }

  function orders(events: readonly Event[]): Event[][] {
    return events.length === 0
      ? [[]]
      : events.flatMap((first) =>
          orders(events.filter((event) => event !== first)).map((rest) => [first, ...rest]),
        );
  }

  const all = orders(["propose", "persist", "bump", "vote"]);

  test.each(all.map((order) => [order.join(", "), order] as const))(
    "E22 %s: never a grant on the old log and the entry kept too",
    (_, order) => {
      for (const takeEach of [false, true]) {
        const { granted, kept } = play(order, takeEach);
        expect(granted && kept).toBe(false);
      }
    },
  );

  test("E22 both happen, a grant and a kept entry, depending on the order", () => {
    expect(play(["bump", "vote", "propose", "persist"], false).granted).toBe(true);
    expect(play(["propose", "vote", "persist", "bump"], false).kept).toBe(true);
  });
});
