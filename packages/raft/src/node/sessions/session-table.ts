import { ByteReader, ByteWriter } from "@dt/codec";
import type { SessionCallId } from "../../entry/session-prefix.ts";
import { EnvelopeFault } from "../snapshots/envelope.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session-limits.ts";

interface Session {
  readonly id: number;
  /** Time of the log when it was used last. */
  usedMs: number;
  /** Calls below this number are answered and forgotten. */
  answered: number;
  /** Encoded results by number of the call. */
  readonly results: Map<number, Buffer>;
}

/** What is to become of a call. */
export const Admission = {
  /** Hand it to the state machine, then `remember` its result. */
  apply: "apply",
  /** It was applied before: its result is remembered. */
  repeated: "repeated",
  /** It opened a session. */
  opened: "opened",
  /** The session is not known, or not any more. */
  expired: "expired",
  /** The client has said that it has the answer already. */
  answered: "answered",
  /** Too far ahead of the session's oldest unanswered call. */
  beyondWindow: "beyondWindow",
} as const;
export type Admission = (typeof Admission)[keyof typeof Admission];

const VERSION = 1;

/**
 * What the sessions of a group have done: part of the replicated state. It is changed only by entries,
 * in their order, and forgets by their stamps, so all members hold the same. Sessions are kept in the order
 * of their last use.
 */
export class SessionTable {
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<number, Session>();
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

  /** Looks at a call in an entry at `index`. */
  admit(call: SessionCallId, index: number, timestampMs: number): Admission {
    this.#logMs = Math.max(this.#logMs, timestampMs);
    this.#expire();
    if (call.session === 0) {
      this.#open(index);
      return Admission.opened;
    }
    const session = this.#sessions.get(call.session);
    if (session === undefined) {
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
    const writer = new ByteWriter(64 + this.#sessions.size * 32 + this.#resultBytes);
    writer.u8(VERSION);
    writer.u64(this.#logMs);
    writer.u32(this.#sessions.size);
    for (const { id, usedMs, answered, results } of this.#sessions.values()) {
      writer.u64(id);
      writer.u64(usedMs);
      writer.u64(answered);
      writer.u32(results.size);
      for (const [sequence, result] of results) {
        writer.u64(sequence);
        writer.u32(result.length);
        writer.range(result, 0, result.length);
      }
    }
    return writer.buf.subarray(0, writer.pos);
  }

  /** Throws an `EnvelopeFault` for bytes that are none of `encode`. No bytes at all are an empty table. */
  static decode(bytes: Buffer, limits: SessionLimits = SESSION_LIMITS): SessionTable {
    const table = new SessionTable(limits);
    if (bytes.length > 0) {
      try {
        table.#read(new ByteReader().attach(bytes, 0, bytes.length));
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
    this.#logMs = other.#logMs;
    this.#resultBytes = other.#resultBytes;
  }

  #read(reader: ByteReader): void {
    if (reader.u8() !== VERSION) {
      throw new RangeError("unknown version");
    }
    this.#logMs = reader.u64();
    for (let left = reader.u32(); left > 0; left--) {
      const session: Session = {
        id: reader.u64(),
        usedMs: reader.u64(),
        answered: reader.u64(),
        results: new Map(),
      };
      this.#sessions.set(session.id, session);
      for (let results = reader.u32(); results > 0; results--) {
        const sequence = reader.u64();
        const length = reader.u32();
        const start = reader.pos;
        reader.skip(length);
        this.#store(session, sequence, Buffer.from(reader.buf.subarray(start, reader.pos)));
      }
    }
  }

  #open(index: number): void {
    this.#sessions.set(index, { id: index, usedMs: this.#logMs, answered: 1, results: new Map() });
    if (this.#sessions.size > this.#limits.maxSessions) {
      this.#forgetOldest();
    }
  }

  #use(session: Session): void {
    session.usedMs = this.#logMs;
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  #expire(): void {
    for (const session of this.#sessions.values()) {
      if (session.usedMs + this.#limits.expiryMs >= this.#logMs) {
        return;
      }
      this.#forget(session);
    }
  }

  #makeRoom(used: Session): void {
    while (this.#resultBytes > this.#limits.maxResultBytes && this.#sessions.size > 1) {
      const [oldest] = this.#sessions.values();
      if (oldest === used || oldest === undefined) {
        return;
      }
      this.#forget(oldest);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#sessions.values();
    if (oldest !== undefined) {
      this.#forget(oldest);
    }
  }

  #forget(session: Session): void {
    for (const result of session.results.values()) {
      this.#resultBytes -= this.#sizeOf(result);
    }
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
        this.#resultBytes -= this.#sizeOf(result);
      }
    }
  }

  #store(session: Session, sequence: number, result: Buffer): void {
    const before = session.results.get(sequence);
    if (before !== undefined) {
      this.#resultBytes -= this.#sizeOf(before);
    }
    session.results.set(sequence, result);
    this.#resultBytes += this.#sizeOf(result);
  }

  #sizeOf(result: Buffer): number {
    return result.length + this.#limits.resultOverheadBytes;
  }
}
