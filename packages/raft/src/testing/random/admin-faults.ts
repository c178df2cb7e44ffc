import type { MemberLists } from "../../core/config-request.ts";
import { isJoint, isMemberOf } from "../../core/membership.ts";
import type { NodeId } from "../../core/message.ts";
import type { AdminCall } from "../sim/admin-call.ts";
import type { SimNode } from "../sim/sim-node.ts";
import { writeToLeader } from "./bursts.ts";
import { healLater } from "./link-faults.ts";
import type { Nemesis } from "./nemesis.ts";
import { reviveLater } from "./node-faults.ts";

/** Another leader is wanted, while clients write. */
export function handOver(nemesis: Nemesis): void {
  const { cluster, random } = nemesis;
  const { leader } = cluster;
  if (leader !== null) {
    const to = random.chance(0.3) ? 0 : random.pick(cluster.nodes).id;
    writeToLeader(nemesis, random.int(0, 5));
    nemesis.ask(leader.id, { action: "transfer", to });
  }
}

/** Somebody is told to campaign, whoever leads. */
export function campaign(nemesis: Nemesis): void {
  const victim = nemesis.victim();
  if (victim !== null) {
    nemesis.ask(victim.id, { action: "campaign" });
  }
}

/** Other members are wanted; the change may end by itself, be ended, be given up, or be forgotten. */
export function changeMembers(nemesis: Nemesis): void {
  const { cluster, random, profile } = nemesis;
  const { leader } = cluster;
  if (leader === null) {
    return;
  }
  const { configuration } = leader.core;
  const isOver = !isJoint(configuration);
  const leavesByItself = random.chance(0.5);
  if (isOver) {
    const { voters, observers } = configuration;
    const next = drawMembers(nemesis, leader);
    const members = [...next.voters, ...next.observers]
      .filter((id) => !isMemberOf(configuration, id))
      .map((nodeId) => ({ nodeId, host: "sim", port: 7000 + nodeId }));
    const isForced = random.chance(0.2);
    const old = { voters, observers };
    writeToLeader(nemesis, random.int(0, 3));
    nemesis.ask(leader.id, { action: "prepare", old, next, members, leavesByItself, isForced });
  }
  if (!isOver || !leavesByItself) {
    const electionMs = profile.core.electionTimeoutMinMs;
    nemesis.later(0, 2 * electionMs, () => endChange(nemesis));
  }
}

/**
 * One member alone is to vote; the entry that says so reaches everybody but that one, and the leader
 * loses power.
 */
export function endOutOfReach(nemesis: Nemesis): void {
  const { cluster, random, profile } = nemesis;
  const { leader } = cluster;
  const { voters = [], observers = [] } = leader?.core.configuration ?? {};
  const others = voters.filter((id) => id !== leader?.id);
  if (leader === null || others.length === 0 || isJoint(leader.core.configuration)) {
    return;
  }
  const heir = random.pick(others);
  const next = { voters: [heir], observers: [...voters, ...observers].filter((id) => id !== heir) };
  const old = { voters, observers };
  const plan = { old, next, members: [], leavesByItself: false, isForced: true };
  nemesis.ask(leader.id, { action: "prepare", ...plan });
  const electionMs = profile.core.electionTimeoutMinMs;
  nemesis.later(0.4 * electionMs, electionMs, () => {
    if (!leader.leads || !isJoint(leader.core.configuration)) {
      return;
    }
    cluster.network.cut([heir], next.observers);
    const prepareIndex = leader.core.configuration.index;
    nemesis.ask(leader.id, { action: "commit", prepareIndex });
    nemesis.later(0.1 * electionMs, 0.3 * electionMs, () => {
      if (leader.isUp) {
        leader.crash();
        reviveLater(nemesis, leader);
      }
      healLater(nemesis);
    });
  });
}

/** A change that is due: from the leader's members, one or two go another way. */
function drawMembers({ cluster, random }: Nemesis, leader: SimNode): MemberLists {
  const { configuration } = leader.core;
  const voters = new Set(configuration.voters);
  const observers = new Set(configuration.observers);
  for (let moves = random.int(1, 3); moves > 0; moves--) {
    const { id } = random.pick(cluster.nodes);
    const isGone = configuration.removed.includes(id);
    if (voters.has(id)) {
      voters.delete(id);
      // Whoever leaves never comes back, so that most only stop to vote.
      if (random.chance(0.8)) {
        observers.add(id);
      }
    } else if (observers.has(id)) {
      observers.delete(id);
      voters.add(id);
    } else if (!isGone) {
      (random.chance(0.3) ? voters : observers).add(id);
    }
  }
  return { voters: [...voters], observers: [...observers] };
}

/** Ends the joint configuration that the leader is in, one way or the other. */
function endChange(nemesis: Nemesis): void {
  const { leader } = nemesis.cluster;
  if (leader !== null && isJoint(leader.core.configuration)) {
    const action = nemesis.random.chance(0.7) ? "commit" : "abort";
    const prepareIndex = leader.core.configuration.index;
    nemesis.ask(leader.id, { action, prepareIndex });
  }
}

/** How many of the requests were carried out. */
export function countDone(calls: readonly AdminCall[], action: "transfer" | "change"): number {
  return calls.filter(({ request, answer }) => {
    const isTransfer = request.action === "transfer";
    const isChange = !isTransfer && request.action !== "campaign";
    return answer?.refusal === null && (action === "transfer" ? isTransfer : isChange);
  }).length;
}

/** Voters that a run for changes of members starts with. */
export function startVoters(count: number): NodeId[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
