import type { SessionCallId, SessionKey, SessionOpening } from "../../entry/session-prefix.ts";
import { EnvelopeFault } from "../snapshots/envelope.ts";
import { type OwnerShare, OwnerShares } from "./owner-shares.ts";
import { type DecodedSession, decodeSessions, encodeSessions } from "./session-codec.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session-limits.ts";
import type { Session } from "./session.ts";

/** What is to become of a call. */
export const Admission = {
  /** Hand it to the state machine, then `remember` its result. */
  apply: "apply",
  /** It was applied before: its result is remembered. */
  repeated: "repeated",
  /** The session is not known, or not any more, or the secret is not its own: nobody is told which. */
  expired: "expired",
  /** The client has said that it has the answer already. */
  answered: "answered",
  /** Too far ahead of the session's oldest unanswered call. */
  beyondWindow: "beyondWindow",
} as const;
export type Admission = (typeof Admission)[keyof typeof Admission];

/**
 * What the sessions of a group have done: part of the replicated state. It is changed only by entries,
 * in their order, and forgets by their stamps, so all members hold the same. Sessions are kept in the order
 * of their last use. Where there are too many, or too much to remember, whoever has most of it loses what it has used
 * least recently: a client that opens sessions without end pushes out its own.
 */
export class SessionTable {
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<number, Session>();
  readonly #shares = new OwnerShares();
  /** The latest stamp seen: the log's clock, which never goes back. */
  #logMs = 0;
  #resultBytes = 0;

  constructor(limits: SessionLimits = SESSION_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get resultBytes(): number {
    return this.#resultBytes;
  }

  /** An entry at `index` opens a session. */
  open({ secret, owner }: SessionOpening, index: number, timestampMs: number): void {
    this.#passTo(timestampMs);
    const usedMs = this.#logMs;
    this.#add({ id: index, secret, owner, usedMs, answered: 1, results: new Map() });
    if (this.#sessions.size > this.#limits.maxSessions) {
      this.#forgetOneOfMost();
    }
  }

  /** Whether the session is open, and the secret its own. */
  holds({ session, secret }: SessionKey): boolean {
    return this.#sessions.get(session)?.secret === secret;
  }

  /** Looks at a call. One with a wrong secret changes nothing of the session. */
  admit(call: SessionCallId, timestampMs: number): Admission {
    this.#passTo(timestampMs);
    const session = this.#sessions.get(call.session);
    if (session === undefined || session.secret !== call.secret) {
      return Admission.expired;
    }
    this.#use(session);
    this.#forgetBelow(session, call.answered);
    if (call.sequence < session.answered) {
      return Admission.answered;
    }
    if (call.sequence >= session.answered + this.#limits.window) {
      return Admission.beyondWindow;
    }
    if (session.results.has(call.sequence)) {
      return Admission.repeated;
    }
    return Admission.apply;
  }

  /**
   * The result of the call that was admitted last, before another entry is looked at: what is forgotten depends
   * on it, and must not depend on how entries are batched.
   */
  remember(call: SessionCallId, result: Buffer): void {
    const session = this.#sessions.get(call.session);
    if (session !== undefined) {
      this.#store(session, call.sequence, result);
      this.#makeRoom(session);
    }
  }

  /** The result of a call that was applied before, else null. */
  resultOf(call: SessionCallId): Buffer | null {
    return this.#sessions.get(call.session)?.results.get(call.sequence) ?? null;
  }

  encode(): Buffer {
    return encodeSessions(this.#logMs, this.#sessions, this.#resultBytes);
  }

  /** Throws an `EnvelopeFault` for bytes that are none of `encode`. No bytes at all are an empty table. */
  static decode(bytes: Buffer, limits: SessionLimits = SESSION_LIMITS): SessionTable {
    const table = new SessionTable(limits);
    if (bytes.length > 0) {
      try {
        table.#read(bytes);
      } catch (error) {
        throw new EnvelopeFault("the sessions make no sense", { cause: error });
      }
    }
    return table;
  }

  /** Becomes what `other` is; `other` must not be used any more. */
  takeOver(other: SessionTable): void {
    this.#sessions.clear();
    for (const [id, session] of other.#sessions) {
      this.#sessions.set(id, session);
    }
    this.#shares.takeOver(other.#shares);
    this.#logMs = other.#logMs;
    this.#resultBytes = other.#resultBytes;
  }

  #read(bytes: Buffer): void {
    const { logMs, sessions } = decodeSessions(bytes);
    this.#logMs = logMs;
    for (const { results, ...decoded } of sessions) {
      const session = this.#add({ ...decoded, results: new Map() });
      for (const [sequence, result] of results) {
        this.#store(session, sequence, result);
      }
    }
  }

  #add({ owner, ...rest }: DecodedSession): Session {
    const session: Session = { ...rest, share: this.#shares.open(owner) };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** The log's clock, and what it makes forgotten. */
  #passTo(timestampMs: number): void {
    this.#logMs = Math.max(this.#logMs, timestampMs);
    for (const session of this.#sessions.values()) {
      if (session.usedMs + this.#limits.expiryMs >= this.#logMs) {
        return;
      }
      this.#forget(session);
    }
  }

  #use(session: Session): void {
    session.usedMs = this.#logMs;
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  #makeRoom(used: Session): void {
    while (this.#resultBytes > this.#limits.maxResultBytes) {
      const most = this.#shares.mostResultBytes;
      const victim = this.#oldest(
        ({ share, results }) => share.resultBytes === most && results.size > 0,
      );
      if (victim === undefined || victim === used) {
        return;
      }
      this.#forget(victim);
    }
  }

  #forgetOneOfMost(): void {
    const most = this.#shares.mostSessions;
    const victim = this.#oldest(({ share }) => share.sessions === most);
    if (victim !== undefined) {
      this.#forget(victim);
    }
  }

  /** The one used least recently. */
  #oldest(isMeant: (session: Session) => boolean): Session | undefined {
    for (const session of this.#sessions.values()) {
      if (isMeant(session)) {
        return session;
      }
    }
    return undefined;
  }

  #forget(session: Session): void {
    for (const result of session.results.values()) {
      this.#count(session.share, -this.#sizeOf(result));
    }
    this.#shares.close(session.share);
    this.#sessions.delete(session.id);
  }

  #forgetBelow(session: Session, answered: number): void {
    if (answered <= session.answered) {
      return;
    }
    session.answered = answered;
    for (const [sequence, result] of session.results) {
      if (sequence < answered) {
        session.results.delete(sequence);
        this.#count(session.share, -this.#sizeOf(result));
      }
    }
  }

  #store(session: Session, sequence: number, result: Buffer): void {
    const before = session.results.get(sequence);
    if (before !== undefined) {
      this.#count(session.share, -this.#sizeOf(before));
    }
    session.results.set(sequence, result);
    this.#count(session.share, this.#sizeOf(result));
  }

  #count(share: OwnerShare, bytes: number): void {
    share.resultBytes += bytes;
    this.#resultBytes += bytes;
  }

  #sizeOf(result: Buffer): number {
    return result.length + this.#limits.resultOverheadBytes;
  }
}
