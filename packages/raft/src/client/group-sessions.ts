import type { SessionCallId, SessionKey } from "../transport/session-commands.ts";
import { ClientSession } from "./client-session.ts";

/** The session that calls to one group use: opened by the first one, replaced when it is forgotten. */
export class GroupSessions {
  readonly #openSession: () => Promise<SessionKey>;
  #opening: Promise<ClientSession> | null = null;
  /** What `#opening` came to. */
  #opened: ClientSession | null = null;

  /** `openSession` asks the group for another session. */
  constructor(openSession: () => Promise<SessionKey>) {
    this.#openSession = openSession;
  }

  /** The session, when it is open and has room for one more call. */
  get opened(): ClientSession | null {
    return this.#opened?.isFull === false ? this.#opened : null;
  }

  /** A session with room for one more call. A full one is left to its open calls. */
  async session(): Promise<ClientSession> {
    const opening = (this.#opening ??= this.#open());
    const session = await opening;
    if (!session.isFull) {
      return session;
    }
    if (this.#opening === opening) {
      this.#replace();
    }
    return this.session();
  }

  /** The group does not know the session of this call any more. */
  forget(call: SessionCallId): void {
    if (this.#opened?.id === call.session) {
      this.#replace();
    }
  }

  #replace(): void {
    this.#opening = null;
    this.#opened = null;
  }

  async #open(): Promise<ClientSession> {
    try {
      this.#opened = new ClientSession(await this.#openSession());
      return this.#opened;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }
}
