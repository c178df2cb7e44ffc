import { describe, expect, test } from "vitest";
import { type Message, MessageKind, type NodeId } from "../../src/core/message.ts";
import { Role } from "../../src/core/output.ts";
import { preloadedLog, SimCluster } from "../../src/testing/index.ts";
import { messages, VOTES } from "./cluster.test.kit.ts";

const WITHOUT_PRE_VOTE = { preVote: false };

/**
 * Three nodes with the entry 1:1, of which 2 and 3 campaign in term 2 and node 1 has not heard of
 * it. The requests to node 1 are returned; everything else that was sent is gone.
 */
function twoCandidates(): { cluster: SimCluster; requests: Map<NodeId, Message> } {
  for (let seed = 1; ; seed++) {
    const log = preloadedLog([1]);
    const logs = new Map([1, 2, 3].map((id) => [id, log.clone()]));
    const cluster = new SimCluster({ seed, nodeCount: 3, logs, core: WITHOUT_PRE_VOTE });
    cluster.network.hold(() => true);
    const role = (id: NodeId): Role => cluster.node(id).core.role;
    const hasAsked = (id: NodeId): boolean => cluster.network.held.some(messages(VOTES, id, 1));
    const done = (): boolean => (hasAsked(2) && hasAsked(3)) || role(1) !== Role.follower;
    cluster.runUntil(done, 3 * cluster.electionMs, "two campaigns");
    if (role(1) === Role.follower) {
      const requests = new Map(cluster.network.take(messages(VOTES, undefined, 1)).map(byFrom));
      cluster.network.take();
      return { cluster, requests };
    }
  }
}

function byFrom(message: Message): [NodeId, Message] {
  return [message.from, message];
}

/** Hands the request to node 1 and returns what it answers within a moment. */
function ask(cluster: SimCluster, request: Message): Message | undefined {
  cluster.network.inject(request);
  cluster.run(20);
  const replies = messages([MessageKind.voteReply], 1, request.from);
  return cluster.network.take(replies).at(-1);
}

describe("E4 a vote is given once per term", () => {
  test("E4 the second candidate is refused, the first one is granted again", () => {
    const { cluster, requests } = twoCandidates();
    expect(ask(cluster, requests.get(2)!)).toMatchObject({ term: 2, granted: true });
    expect(ask(cluster, requests.get(3)!)).toMatchObject({ term: 2, granted: false });
    expect(ask(cluster, requests.get(2)!)).toMatchObject({ term: 2, granted: true });
  });

  test("E4 the vote survives a crash", () => {
    const { cluster, requests } = twoCandidates();
    ask(cluster, requests.get(2)!);
    cluster.node(2).stop();
    cluster.node(3).stop();
    cluster.node(1).crash();
    cluster.node(1).start();
    // The node refuses everybody for one timeout after it started; only then its vote decides.
    cluster.run(cluster.electionMs);
    expect(cluster.node(1).core).toMatchObject({ term: 2, vote: 2, role: Role.follower });
    expect(ask(cluster, requests.get(3)!)).toMatchObject({ term: 2, granted: false });
    expect(ask(cluster, requests.get(2)!)).toMatchObject({ term: 2, granted: true });
  });
});

describe("E5 a candidate that hears of a leader", () => {
  const fromLeader = [MessageKind.append, MessageKind.heartbeat] as const;

  /** Node 2 leads term 2, node 3 is a candidate of term 2 that nothing has reached. */
  function leaderAndCandidate(): SimCluster {
    const { cluster, requests } = twoCandidates();
    const grant = ask(cluster, requests.get(2)!);
    cluster.network.inject(grant!);
    cluster.runUntil(
      () => fromLeader.every((kind) => cluster.network.held.some(messages([kind], 2, 3))),
      cluster.electionMs / 2,
      "an append and a heartbeat of node 2",
    );
    expect(cluster.node(2).leads).toBe(true);
    expect(cluster.node(3).core).toMatchObject({ role: Role.candidate, term: 2, leaderId: 0 });
    return cluster;
  }

  test.each([
    ["append", MessageKind.append],
    ["heartbeat", MessageKind.heartbeat],
  ] as const)("E5 follows it at once after an %s of its own term", (_, kind) => {
    const cluster = leaderAndCandidate();
    const [message] = cluster.network.take(messages([kind], 2, 3));
    cluster.network.inject(message!);
    cluster.run(0);
    expect(cluster.node(3).core).toMatchObject({ role: Role.follower, term: 2, leaderId: 2 });
  });

  test("E5 stays candidate and answers with its term when the message is of an older one", () => {
    const { cluster } = twoCandidates();
    const old = { from: 1, to: 3, term: 1, commitIndex: 0, sentAtMs: 1, readToken: 0 };
    cluster.network.inject({ ...old, kind: MessageKind.heartbeat, leaderCommitIndex: 0 });
    const probe = { prevIndex: 1, prevTerm: 1, batches: [] };
    cluster.network.inject({ ...old, ...probe, kind: MessageKind.append });
    cluster.run(0);
    expect(cluster.node(3).core).toMatchObject({ role: Role.candidate, term: 2, leaderId: 0 });
    expect(cluster.network.take(messages([MessageKind.heartbeatReply], 3, 1))).toMatchObject([
      { term: 2 },
    ]);
    expect(cluster.network.take(messages([MessageKind.appendReply], 3, 1))).toMatchObject([
      { term: 2, accepted: false },
    ]);
  });
});
