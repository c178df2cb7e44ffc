import type { Decode, Encode } from "@dt/rpc";
import { RaftError } from "../errors.ts";
import type { SnapshotTaken, StatusReply } from "../gen/raft.ts";
import {
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
import type { CallOptions } from "./call-options.ts";
import { CallRouter } from "./call-router.ts";
import { ClientCall } from "./client-call.ts";
import type { Endpoint, LinkOptions } from "./link.ts";
import { Links } from "./links.ts";
import { MemberWatch } from "./member-watch.ts";
import { SessionCalls } from "./session-calls.ts";

const REFRESH_MS = 5000;
/** The longest time that a timer takes. */
const MAX_TIMER_MS = 0x7fff_ffff;

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

/**
 * Calls the leader of a group, whoever that is. What certainly was not executed (no connection, not the leader,
 * stopping) is repeated until the deadline; what may have been executed is repeated only when it is idempotent.
 */
export class RaftClient {
  readonly #timeoutMs: number;
  readonly #links: Links;
  readonly #router: CallRouter;
  readonly #sessions: SessionCalls;
  readonly #watch: MemberWatch;

  constructor(options: RaftClientOptions) {
    checkOptions(options);
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#links = new Links(options.endpoints, options.rpc ?? {});
    this.#router = new CallRouter(this.#links, (reply) => this.#watch.note(reply));
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
    this.#watch = new MemberWatch(
      {
        routes: () => this.#router.routes(),
        onMember: (endpoint) => void this.#links.learn(endpoint),
        onGone: (name) => this.#forget(name),
        learned: () => this.#links.learned(),
        status: (endpoint) => this.status(endpoint),
      },
      options.refreshMs ?? REFRESH_MS,
    );
  }

  /**
   * One call to the leader of `groupId`. Rejects with DT_RAFT_NO_LEADER (never executed),
   * DT_RAFT_OUTCOME_UNKNOWN (may have been executed), DT_RAFT_OPTIONS for a time that is no number, or the `RpcError`
   * of a coded refusal.
   */
  call<A, T>(
    command: number,
    groupId: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    options?: CallOptions,
  ): Promise<T> {
    const timeoutMs = options?.timeoutMs ?? this.#timeoutMs;
    if (Number.isNaN(timeoutMs)) {
      return Promise.reject(timeIsNoNumber());
    }
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
        this.#router,
        this.#router.routeOf(groupId),
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
      if (options?.anyMember === true) {
        this.#router.dispatchToAny(call);
      } else {
        this.#router.dispatch(call);
      }
    }) as Promise<T>;
  }

  /** What the node at `endpoint` says about itself and its groups. */
  async status(endpoint: Endpoint, timeoutMs: number = this.#timeoutMs): Promise<StatusReply> {
    this.#assertUsable(timeoutMs);
    const { client } = this.#links.to(endpoint);
    await client.connect();
    return client.call(STATUS_COMMAND, 0, timeoutMs, encodeNothing, null, decodeStatusReply);
  }

  /** Has one node take a snapshot of a group now; resolves when it is durable there. */
  async takeSnapshot(
    endpoint: Endpoint,
    groupId: number,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<SnapshotTaken> {
    this.#assertUsable(timeoutMs);
    const { client } = this.#links.to(endpoint);
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
    return this.#links.all().map((link) => link.endpoint);
  }

  /** Fails what is under way and closes every connection. Idempotent. */
  async close(): Promise<void> {
    this.#router.close();
    this.#watch.close();
    await this.#links.close();
  }

  /** A node that is no member any more. What it has been asked it answers or refuses within a moment. */
  #forget(name: string): void {
    const link = this.#links.remove(name);
    if (link !== null) {
      this.#router.leave(link);
      void link.client.close();
    }
  }

  #assertUsable(timeoutMs: number): void {
    if (Number.isNaN(timeoutMs)) {
      throw timeIsNoNumber();
    }
    if (this.#router.isClosed) {
      throw new RaftError({ code: "DT_RAFT_CLIENT_CLOSED" });
    }
  }
}

function checkOptions({ endpoints, timeoutMs = 1, refreshMs = 1 }: RaftClientOptions): void {
  const problems: string[] = [];
  if (endpoints.length === 0) {
    problems.push("endpoints: empty");
  }
  if (!(timeoutMs > 0)) {
    problems.push(`timeoutMs: ${timeoutMs} is not above 0`);
  }
  if (!(refreshMs >= 1 && refreshMs <= MAX_TIMER_MS)) {
    problems.push(`refreshMs: ${refreshMs} is not within 1..${MAX_TIMER_MS}`);
  }
  if (problems.length > 0) {
    throw new RaftError({ code: "DT_RAFT_OPTIONS", problems });
  }
}

function timeIsNoNumber(): RaftError {
  return new RaftError({ code: "DT_RAFT_OPTIONS", problems: ["timeoutMs: not a number"] });
}
