import type { Decode, Encode, RpcError } from "@dt/rpc";
import { Status } from "@dt/rpc";
import { RaftError } from "../errors.ts";
import type { SnapshotTaken, StatusReply } from "../gen/raft.ts";
import {
  decodeLeaderHint,
  decodeSnapshotTaken,
  decodeStatusReply,
  encodeNothing,
} from "../transport/status-codec.ts";
import {
  OPEN_SESSION_COMMAND,
  SESSION_CALL_COMMAND,
  SNAPSHOT_COMMAND,
  STATUS_COMMAND,
} from "../transport/commands.ts";
import { decodeSessionKey, encodeSessionCall } from "../transport/session-commands.ts";
import { ClientCall } from "./client-call.ts";
import type { CallOwner } from "./client-call.ts";
import { GroupRoute } from "./group-route.ts";
import { endpointName, Link } from "./link.ts";
import type { Endpoint, LinkOptions } from "./link.ts";
import { MemberWatch } from "./member-watch.ts";
import { LeaderSearch } from "./leader-search.ts";
import { isWorthAnotherNode } from "./retry-rules.ts";
import { SESSION_EXPIRED_CODE, SessionCalls } from "./session-calls.ts";

/** NOT_LEADER answers in a row that one call follows before it waits for a search. */
const MAX_HOPS = 3;
const REFRESH_MS = 5000;

/** Attempts of a call in a session that its time should suffice for. */
const SESSION_ATTEMPTS = 4;
const MIN_ATTEMPT_MS = 200;

export interface RaftClientOptions {
  /** Some nodes of the cluster; the others are learned from hints. */
  readonly endpoints: readonly Endpoint[];
  /** Milliseconds that a call may take, retries included. Default 10 000. */
  readonly timeoutMs?: number;
  /** Milliseconds between looks at who the members are. Default 5000. */
  readonly refreshMs?: number;
  /** For the connections; see @dt/rpc. */
  readonly rpc?: LinkOptions;
}

export interface CallOptions {
  readonly timeoutMs?: number;
  /**
   * The call may be executed more than once without harm, such as a read: it is repeated after a lost answer.
   * Default false: a lost answer is reported as DT_RAFT_OUTCOME_UNKNOWN and never repeated.
   */
  readonly idempotent?: boolean;
  /**
   * Make the call in a session of the group: it is executed once and answered with its first result, so it is
   * repeated like an idempotent one. Default false. Costs one call to open the session, and 36 bytes.
   */
  readonly session?: boolean;
  /** Any member may answer, not the leader alone: each such call goes to the next one that is connected. */
  readonly anyMember?: boolean;
  /** Turns the coded refusal of a service into the error that the call rejects with. Default: the `RpcError`. */
  readonly toError?: (error: RpcError) => Error;
}

/**
 * Calls the leader of a group, whoever that is. What certainly was not executed (no connection, not the leader,
 * stopping) is repeated until the deadline; what may have been executed is repeated only when it is idempotent.
 */
export class RaftClient implements CallOwner {
  readonly #options: RaftClientOptions;
  readonly #timeoutMs: number;
  readonly #links = new Map<string, Link>();
  readonly #routes = new Map<number, GroupRoute>();
  readonly #sessions: SessionCalls;
  readonly #search: LeaderSearch;
  readonly #watch: MemberWatch;
  /** Names of the nodes that the options name. */
  readonly #configured: ReadonlySet<string>;
  /** Of all links, which one got the last call for any member. */
  #lastAny = 0;
  #lastRoute: GroupRoute | null = null;
  #isClosed = false;

  constructor(options: RaftClientOptions) {
    if (options.endpoints.length === 0) {
      throw new RaftError({ code: "DT_RAFT_OPTIONS", problems: ["endpoints: empty"] });
    }
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#sessions = new SessionCalls(this.#timeoutMs, {
      open: (groupId) =>
        this.call(OPEN_SESSION_COMMAND, groupId, encodeNothing, null, decodeSessionKey, {
          idempotent: true,
        }),
      call: (groupId, call, decode, callOptions) =>
        this.#call(
          SESSION_CALL_COMMAND,
          groupId,
          encodeSessionCall,
          call,
          decode,
          callOptions,
          true,
        ),
    });
    this.#search = new LeaderSearch({
      links: () => [...this.#links.values()],
      onNode: (endpoint) => this.#learn(endpoint),
      onStatus: (reply) => this.#watch.note(reply),
      onLeader: (route, link) => this.#onLeader(route, link),
      onExpired: (call) => this.#expire(call),
    });
    for (const endpoint of options.endpoints) {
      this.#linkTo(endpoint);
    }
    this.#configured = new Set(this.#links.keys());
    this.#watch = new MemberWatch(
      {
        routes: () => this.#routes.values(),
        onMember: (endpoint) => void this.#learn(endpoint),
        onGone: (name) => this.#forget(name),
        learned: () => [...this.#links.keys()].filter((name) => !this.#configured.has(name)),
        status: (endpoint) => this.status(endpoint),
      },
      options.refreshMs ?? REFRESH_MS,
    );
  }

  /**
   * One call to the leader of `groupId`. Rejects with DT_RAFT_NO_LEADER (never executed),
   * DT_RAFT_OUTCOME_UNKNOWN (may have been executed) or the `RpcError` of a coded refusal.
   */
  call<A, T>(
    command: number,
    groupId: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    options?: CallOptions,
  ): Promise<T> {
    if (options?.session === true) {
      const body = encode as Encode<unknown>;
      return this.#sessions.call(command, groupId, body, argument, decode, options);
    }
    return this.#call(command, groupId, encode, argument, decode, options, false);
  }

  #call<A, T>(
    command: number,
    groupId: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    options: CallOptions | undefined,
    isInSession: boolean,
  ): Promise<T> {
    const timeoutMs = options?.timeoutMs ?? this.#timeoutMs;
    return new Promise<unknown>((resolve, reject) => {
      const call = new ClientCall(
        this,
        this.#routeOf(groupId),
        command,
        encode as Encode<unknown>,
        argument,
        decode,
        timeoutMs,
        performance.now() + timeoutMs,
        options?.idempotent === true,
        options?.toError,
        resolve,
        reject,
      );
      call.isInSession = isInSession;
      const member = options?.anyMember === true ? this.#nextMember() : null;
      if (member === null) {
        this.#dispatch(call);
      } else {
        this.#start(call, member, timeoutMs);
      }
    }) as Promise<T>;
  }

  /** What the node at `endpoint` says about itself and its groups. */
  async status(endpoint: Endpoint, timeoutMs: number = this.#timeoutMs): Promise<StatusReply> {
    this.#assertOpen();
    const { client } = this.#linkTo(endpoint);
    await client.connect();
    return client.call(STATUS_COMMAND, 0, timeoutMs, encodeNothing, null, decodeStatusReply);
  }

  /** Has one node take a snapshot of a group now; resolves when it is durable there. */
  async takeSnapshot(
    endpoint: Endpoint,
    groupId: number,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<SnapshotTaken> {
    this.#assertOpen();
    const { client } = this.#linkTo(endpoint);
    await client.connect();
    return client.call(
      SNAPSHOT_COMMAND,
      groupId,
      timeoutMs,
      encodeNothing,
      null,
      decodeSnapshotTaken,
    );
  }

  /** The nodes this client knows, configured and learned. */
  endpoints(): Endpoint[] {
    return [...this.#links.values()].map((link) => link.endpoint);
  }

  /** Fails what is under way and closes every connection. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#search.close();
    this.#watch.close();
    for (const route of this.#routes.values()) {
      for (const call of route.waiting.splice(0)) {
        call.reject(new RaftError({ code: "DT_RAFT_CLIENT_CLOSED" }));
      }
    }
    await Promise.all([...this.#links.values()].map((link) => link.client.close()));
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

  #dispatch(call: ClientCall): void {
    if (this.#isClosed) {
      call.reject(new RaftError({ code: "DT_RAFT_CLIENT_CLOSED" }));
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
      route.leader = hint === null ? null : this.#linkTo(hint);
    }
    if (call.attempts % MAX_HOPS === 0) {
      route.leader = null;
    }
    this.#dispatch(call);
  }

  #onLeader(route: GroupRoute, link: Link): void {
    route.leader = link;
    for (const call of route.waiting.splice(0)) {
      this.#dispatch(call);
    }
  }

  #expire(call: ClientCall): void {
    const options = call.lastError === null ? {} : { cause: call.lastError };
    if (call.isAmbiguous) {
      call.reject(
        new RaftError({ code: "DT_RAFT_OUTCOME_UNKNOWN", command: call.command }, options),
      );
      return;
    }
    call.reject(
      new RaftError(
        { code: "DT_RAFT_NO_LEADER", timeoutMs: call.timeoutMs, tried: call.attempts },
        options,
      ),
    );
  }

  #giveUp(call: ClientCall, error: RpcError): void {
    const isForgotten = error.remoteCode === SESSION_EXPIRED_CODE && call.isAmbiguous;
    if (error.mayHaveExecuted || isForgotten) {
      call.reject(
        new RaftError({ code: "DT_RAFT_OUTCOME_UNKNOWN", command: call.command }, { cause: error }),
      );
      return;
    }
    call.refuse(error);
  }

  #routeOf(groupId: number): GroupRoute {
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

  /** The next node that is connected, or null when none is. */
  #nextMember(): Link | null {
    const links = [...this.#links.values()];
    for (let i = 1; i <= links.length && !this.#isClosed; i++) {
      const at = (this.#lastAny + i) % links.length;
      const link = links[at];
      if (link?.client.isConnected === true) {
        this.#lastAny = at;
        return link;
      }
    }
    return null;
  }

  /** A node that is no member any more. What it has been asked it answers or refuses within a moment. */
  #forget(name: string): void {
    const link = this.#links.get(name);
    if (link === undefined) {
      return;
    }
    this.#links.delete(name);
    for (const route of this.#routes.values()) {
      if (route.leader === link) {
        route.leader = null;
      }
    }
    void link.client.close();
  }

  /** True for a node that was not known. */
  #learn(endpoint: Endpoint): boolean {
    const before = this.#links.size;
    this.#linkTo(endpoint);
    return this.#links.size > before;
  }

  #linkTo(endpoint: Endpoint): Link {
    const name = endpointName(endpoint);
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new Link({ host: endpoint.host, port: endpoint.port }, this.#options.rpc ?? {});
      this.#links.set(name, link);
    }
    return link;
  }

  #assertOpen(): void {
    if (this.#isClosed) {
      throw new RaftError({ code: "DT_RAFT_CLIENT_CLOSED" });
    }
  }
}
