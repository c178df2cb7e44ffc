// Hot path: per call. No closures.
import { type RpcError, Status } from "@dt/rpc";
import { RaftError, type RaftFault } from "../errors.ts";
import type { StatusReply } from "../gen/raft.ts";
import { decodeLeaderHint } from "../transport/status-codec.ts";
import type { CallOwner, ClientCall } from "./client-call.ts";
import { GroupRoute } from "./group-route.ts";
import { LeaderSearch } from "./leader-search.ts";
import type { Link } from "./link.ts";
import type { Links } from "./links.ts";
import { isUnseen, isWorthAnotherNode } from "./retry-rules.ts";

/** NOT_LEADER answers in a row that one call follows before it waits for a search. */
const MAX_HOPS = 3;

/** Attempts of a call in a session that its time should suffice for. */
const SESSION_ATTEMPTS = 4;
const MIN_ATTEMPT_MS = 200;

/** Sends each call to the leader of its group, and decides about one that failed: again, elsewhere, or given up. */
export class CallRouter implements CallOwner {
  readonly #links: Links;
  readonly #routes = new Map<number, GroupRoute>();
  readonly #search: LeaderSearch;
  #lastRoute: GroupRoute | null = null;
  #isClosed = false;

  /** `onStatus` hears what nodes say of themselves while a leader is looked for. */
  constructor(links: Links, onStatus: (reply: StatusReply) => void) {
    this.#links = links;
    this.#search = new LeaderSearch({
      links: () => links.all(),
      onNode: (endpoint) => links.learn(endpoint),
      onStatus,
      onLeader: (route, link) => this.#onLeader(route, link),
      onExpired: (call) => this.#expire(call),
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  routes(): Iterable<GroupRoute> {
    return this.#routes.values();
  }

  routeOf(groupId: number): GroupRoute {
    if (this.#lastRoute !== null && this.#lastRoute.groupId === groupId) {
      return this.#lastRoute;
    }
    let route = this.#routes.get(groupId);
    if (route === undefined) {
      route = new GroupRoute(groupId);
      this.#routes.set(groupId, route);
    }
    this.#lastRoute = route;
    return route;
  }

  dispatch(call: ClientCall): void {
    if (this.#isClosed) {
      this.#refuseClosed(call);
      return;
    }
    const link = call.route.leader;
    if (link === null) {
      this.#search.wait(call);
      return;
    }
    const remainingMs = call.attempts === 0 ? call.timeoutMs : call.deadlineMs - performance.now();
    if (remainingMs <= 0) {
      this.#expire(call);
      return;
    }
    this.#start(call, link, remainingMs);
  }

  /** To the next member that is connected, to the leader when none is. */
  dispatchToAny(call: ClientCall): void {
    const link = this.#isClosed ? null : this.#links.nextConnected();
    if (link === null) {
      this.dispatch(call);
    } else {
      this.#start(call, link, call.timeoutMs);
    }
  }

  onAttemptFailed(call: ClientCall, link: Link | null, error: RpcError): void {
    const { route } = call;
    if (this.#isClosed) {
      this.#giveUp(call, error);
      return;
    }
    if (error.status === Status.notLeader) {
      this.#followHint(call, link, error);
      return;
    }
    const isLate = call.isInSession && error.code === "DT_RPC_TIMEOUT";
    if (!isLate && !isWorthAnotherNode(error)) {
      this.#giveUp(call, error);
      return;
    }
    if (route.leader === link) {
      route.leader = null;
    }
    if (error.mayHaveExecuted && !call.isIdempotent) {
      this.#giveUp(call, error);
      return;
    }
    this.#search.wait(call);
  }

  /** The node is no member any more. */
  leave(link: Link): void {
    for (const route of this.#routes.values()) {
      if (route.leader === link) {
        route.leader = null;
      }
    }
  }

  /** Fails the calls that wait for a leader. */
  close(): void {
    this.#isClosed = true;
    this.#search.close();
    for (const route of this.#routes.values()) {
      for (const call of route.waiting.splice(0)) {
        this.#refuseClosed(call);
      }
    }
  }

  #start(call: ClientCall, link: Link, remainingMs: number): void {
    call.attempts++;
    call.link = link;
    // Another node may lead by now: a call that can be repeated does not wait for one that hangs.
    const attemptMs = call.isInSession
      ? Math.min(remainingMs, Math.max(MIN_ATTEMPT_MS, call.timeoutMs / SESSION_ATTEMPTS))
      : remainingMs;
    link.client.start(
      call.command,
      call.route.groupId,
      attemptMs,
      call.encode,
      call.argument,
      call,
    );
  }

  #followHint(call: ClientCall, link: Link | null, error: RpcError): void {
    const { route } = call;
    const hint = decodeLeaderHint(error.detail);
    if (route.leader === link) {
      route.leader = hint === null ? null : this.#links.to(hint);
    }
    if (call.attempts % MAX_HOPS === 0) {
      route.leader = null;
    }
    this.dispatch(call);
  }

  #onLeader(route: GroupRoute, link: Link): void {
    route.leader = link;
    for (const call of route.waiting.splice(0)) {
      this.dispatch(call);
    }
  }

  #expire(call: ClientCall): void {
    const { timeoutMs, attempts: tried } = call;
    this.#endUnanswered(call, { code: "DT_RAFT_NO_LEADER", timeoutMs, tried });
  }

  #refuseClosed(call: ClientCall): void {
    this.#endUnanswered(call, { code: "DT_RAFT_CLIENT_CLOSED" });
  }

  /** `fault` is for a call that no attempt can have executed. */
  #endUnanswered(call: ClientCall, fault: RaftFault): void {
    const options = call.lastError === null ? {} : { cause: call.lastError };
    call.reject(new RaftError(call.isAmbiguous ? unknownOutcome(call) : fault, options));
  }

  #giveUp(call: ClientCall, error: RpcError): void {
    if (error.mayHaveExecuted || (call.isAmbiguous && isUnseen(error))) {
      call.reject(new RaftError(unknownOutcome(call), { cause: error }));
      return;
    }
    call.refuse(error);
  }
}

function unknownOutcome({ command }: ClientCall): RaftFault {
  return { code: "DT_RAFT_OUTCOME_UNKNOWN", command };
}
