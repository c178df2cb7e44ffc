import type { Decode, Encode, RpcError } from "@dt/rpc";
import type { SessionCall, SessionKey } from "../transport/session-commands.ts";
import { RaftError } from "../errors.ts";
import type { ClientSession } from "./client-session.ts";
import { GroupSessions } from "./group-sessions.ts";
import type { CallOptions } from "./call-options.ts";

const SESSION_EXPIRED_CODE = "DT_RAFT_SESSION_EXPIRED";

/** The longest time that a timer takes. */
const MAX_TIMER_MS = 0x7fff_ffff;

const UNANSWERED_CODES: ReadonlySet<RaftError["code"]> = new Set([
  "DT_RAFT_NO_LEADER",
  "DT_RAFT_OUTCOME_UNKNOWN",
] as const);

/** How sessions reach their groups. */
export interface SessionPort {
  /** Opens a session; one that is opened twice leaves one that nobody uses and that is forgotten in time. */
  open(groupId: number): Promise<SessionKey>;
  call<T>(
    groupId: number,
    call: SessionCall<unknown>,
    decode: Decode<T>,
    options: CallOptions,
  ): Promise<T>;
}

/** Makes the calls of a client that are to be applied once, each in a session of its group. */
export class SessionCalls {
  readonly #timeoutMs: number;
  readonly #port: SessionPort;
  readonly #groups = new Map<number, GroupSessions>();

  constructor(timeoutMs: number, port: SessionPort) {
    this.#timeoutMs = timeoutMs;
    this.#port = port;
  }

  /**
   * A session that is not known any more is replaced, unless an earlier attempt may have been executed in it: that
   * is DT_RAFT_OUTCOME_UNKNOWN.
   */
  async call<T>(
    command: number,
    groupId: number,
    encode: Encode<unknown>,
    argument: unknown,
    decode: Decode<T>,
    options: CallOptions,
  ): Promise<T> {
    const wholeMs = options.timeoutMs ?? this.#timeoutMs;
    const deadlineMs = performance.now() + wholeMs;
    const sessions = this.#sessionsOf(groupId);
    for (;;) {
      const session = sessions.opened ?? (await sessionWithin(sessions, wholeMs, deadlineMs));
      const id = session.begin();
      const timeoutMs = Math.max(1, deadlineMs - performance.now());
      const toError = (error: RpcError): Error => asExpired(error, options);
      try {
        return await this.#port.call(groupId, { id, command, encode, argument }, decode, {
          ...options,
          timeoutMs,
          idempotent: true,
          toError,
        });
      } catch (error) {
        if (!(error instanceof SessionExpired) || performance.now() >= deadlineMs) {
          throw error instanceof SessionExpired ? error.refusal : error;
        }
        sessions.forget(id);
      } finally {
        session.end(id);
      }
    }
  }

  #sessionsOf(groupId: number): GroupSessions {
    let sessions = this.#groups.get(groupId);
    if (sessions === undefined) {
      sessions = new GroupSessions(() => this.#port.open(groupId));
      this.#groups.set(groupId, sessions);
    }
    return sessions;
  }
}

/** Calls share the opening of their session, and each waits for it in its own time. */
async function sessionWithin(
  sessions: GroupSessions,
  timeoutMs: number,
  deadlineMs: number,
): Promise<ClientSession> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    const leftMs = Math.min(Math.max(0, deadlineMs - performance.now()), MAX_TIMER_MS);
    timer = setTimeout(resolve, leftMs, null);
  });
  try {
    for (;;) {
      const session = await Promise.race([orUnanswered(sessions.session()), late]);
      if (session === null) {
        throw new RaftError({ code: "DT_RAFT_NO_LEADER", timeoutMs, tried: 0 });
      }
      if (!(session instanceof RaftError)) {
        return session;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves to the error of an opening that was not answered in its time: another one may follow, because a session
 * that nobody hears of does no harm.
 */
function orUnanswered(opening: Promise<ClientSession>): Promise<ClientSession | RaftError> {
  return opening.catch((error: unknown) => {
    if (error instanceof RaftError && UNANSWERED_CODES.has(error.code)) {
      return error;
    }
    throw error;
  });
}

/** The session is not known any more, and no attempt can have been executed in it. */
class SessionExpired extends Error {
  override readonly name = "SessionExpired" as const;
  readonly refusal: Error;

  constructor(refusal: Error) {
    super("the session is not known any more");
    this.refusal = refusal;
  }
}

function asExpired(error: RpcError, options: CallOptions): Error {
  const refusal = options.toError?.(error) ?? error;
  return error.remoteCode === SESSION_EXPIRED_CODE ? new SessionExpired(refusal) : refusal;
}
