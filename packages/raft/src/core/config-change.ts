import { singleEntry } from "../entry/batch-builder.ts";
import { ConfigKind, type ConfigPayload, encodeConfigPayload } from "../entry/config-payload.ts";
import { EntryType } from "../entry/record.ts";
import { problemsOf } from "./config-check.ts";
import type { AdminRefusal, ConfigRequest, MemberLists } from "./config-request.ts";
import type { CoreState } from "./core-state.ts";
import { appendOwn } from "./append-own.ts";
import { type Configuration, isJoint, isSameSet, membersOf } from "./membership.ts";
import type { NodeId } from "./message.ts";
import { Role } from "./output.ts";
import { isReadable } from "./reads.ts";
import { reconfigure } from "./reconfigure.ts";
import { beginTransfer } from "./transfer.ts";

type Prepare = Extract<ConfigRequest, { action: "prepare" }>;
type Ending = Exclude<ConfigRequest, { action: "prepare" }>;

/** Leader: one step of a change of members. The answer names the configuration that came of it. */
export function onConfigRequest(s: CoreState, token: number, request: ConfigRequest): void {
  const found = request.action === "prepare" ? prepare(s, request) : end(s, request);
  const isDone = typeof found === "number";
  s.out.answers.push({ token, index: isDone ? found : 0, refusal: isDone ? null : found });
}

function prepare(s: CoreState, request: Prepare): number | AdminRefusal {
  const refusal = refuseAny(s);
  if (refusal !== null) {
    return refusal;
  }
  const { active } = s.configs;
  const { next, old } = request;
  if (isJoint(active)) {
    return isSame(active, old) && isSameNext(active, next)
      ? active.index
      : { reason: "pending", index: active.index };
  }
  if (isSame(active, next) && !hasMoved(active, request)) {
    return active.index;
  }
  if (active.index > s.commitIndex) {
    return { reason: "pending", index: active.index };
  }
  if (!isSame(active, old)) {
    return { reason: "oldMembers", voters: active.voters, observers: active.observers };
  }
  const problems = problemsOf(active, request);
  if (problems.length > 0) {
    return { reason: "invalid", problems };
  }
  const behind = request.isForced ? [] : lagging(s, active, next.voters);
  if (behind.length > 0) {
    return { reason: "behind", ids: behind };
  }
  const moved = new Map(request.members.map((member) => [member.nodeId, member]));
  const known = new Map(active.members.map((member) => [member.nodeId, member]));
  const joint = { ...active, nextVoters: next.voters, nextObservers: next.observers };
  return appendConfig(s, ConfigKind.prepare, {
    ...joint,
    members: membersOf(joint).flatMap((id) => moved.get(id) ?? known.get(id) ?? []),
    prepareIndex: 0,
    leavesByItself: request.leavesByItself,
    isAbort: false,
  });
}

function end(s: CoreState, request: Ending): number | AdminRefusal {
  const refusal = refuseAny(s);
  if (refusal !== null) {
    return refusal;
  }
  const { active } = s.configs;
  const { action, prepareIndex } = request;
  if (isJoint(active) && active.index === prepareIndex) {
    if (action === "commit" && active.index > s.commitIndex) {
      return { reason: "notCommitted", index: active.index };
    }
    return endJoint(s, action);
  }
  const isEnded = active.prepareIndex === prepareIndex || active.index === prepareIndex;
  if (!isJoint(active) && isEnded && active.isAbort === (action === "abort")) {
    return active.index;
  }
  return { reason: "prepareIndex", active: active.index };
}

function refuseAny(s: CoreState): AdminRefusal | null {
  if (s.role !== Role.leader) {
    return { reason: "notLeader" };
  }
  if (!isReadable(s)) {
    return { reason: "notReady" };
  }
  return s.transferTo === 0 ? null : { reason: "transferring", to: s.transferTo };
}

/**
 * Leader: what is left to do about the active configuration, when more of the log got committed. A
 * joint one that says so is ended; and who is not among the voters any more hands over and follows.
 */
export function settleConfiguration(s: CoreState): void {
  const { active } = s.configs;
  if (active.index > s.commitIndex || !isReadable(s)) {
    return;
  }
  s.isConfigurationSettled = true;
  if (isJoint(active)) {
    if (active.leavesByItself) {
      endJoint(s, "commit");
    }
  } else if (!s.isVoter) {
    beginTransfer(s, 0);
  }
}

function endJoint(s: CoreState, action: "commit" | "abort"): number {
  const { active } = s.configs;
  const isCommit = action === "commit";
  const voters = isCommit ? active.nextVoters : active.voters;
  const observers = isCommit ? active.nextObservers : active.observers;
  const stays = (id: NodeId): boolean => voters.includes(id) || observers.includes(id);
  const gone = [...active.voters, ...active.observers].filter((id) => !stays(id));
  return appendConfig(s, isCommit ? ConfigKind.commit : ConfigKind.abort, {
    members: active.members.filter(({ nodeId }) => stays(nodeId)),
    voters,
    observers,
    nextVoters: [],
    nextObservers: [],
    prepareIndex: active.index,
    leavesByItself: false,
    removed: [...active.removed, ...gone],
    isAbort: !isCommit,
  });
}

function appendConfig(s: CoreState, kind: ConfigKind, config: ConfigPayload): number {
  const index = s.log.lastIndex + 1;
  const payload = encodeConfigPayload(config);
  const { lastChain } = s.log;
  const batch = singleEntry(EntryType.config, payload, index, s.term, s.wallMs, lastChain, kind);
  appendOwn(s, batch);
  s.configs.append(batch);
  reconfigure(s);
  return index;
}

/** Those of `voters` that do not vote yet and have not shown that they are close to the end of the log. */
function lagging(s: CoreState, active: Configuration, voters: readonly NodeId[]): NodeId[] {
  const { catchUpEntries, electionTimeoutMinMs } = s.options;
  return voters.filter((id) => {
    if (active.voters.includes(id)) {
      return false;
    }
    const peer = s.peer(id);
    const isClose =
      peer !== null &&
      peer.matchIndex > 0 &&
      peer.matchIndex + catchUpEntries >= s.commitIndex &&
      s.nowMs - peer.heardMs < electionTimeoutMinMs;
    return !isClose;
  });
}

function isSame(active: Configuration, lists: MemberLists): boolean {
  return isSameSet(active.voters, lists.voters) && isSameSet(active.observers, lists.observers);
}

function isSameNext(active: Configuration, lists: MemberLists): boolean {
  return (
    isSameSet(active.nextVoters, lists.voters) && isSameSet(active.nextObservers, lists.observers)
  );
}

/** A member is said to be at another address than before. */
function hasMoved(active: Configuration, { members }: Prepare): boolean {
  return members.some(({ nodeId, host, port }) => {
    const known = active.members.find((member) => member.nodeId === nodeId);
    return known?.host !== host || known.port !== port;
  });
}
