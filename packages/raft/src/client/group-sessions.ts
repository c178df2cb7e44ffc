import type { SessionCallId, SessionKey } from "../transport/session-commands.ts";
import { ClientSession } from "./client-session.ts";

/** The session that calls to one group use: opened by the first one, replaced when it is forgotten. */
export class GroupSessions {
  readonly #openSession: () => Promise<SessionKey>;
  #opening: Promise<ClientSession> | null = null;

  /** `openSession` asks the group for another session. */
  constructor(openSession: () => Promise<SessionKey>) {
    this.#openSession = openSession;
  }

  /** A session with room for one more call. A full one is left to its open calls. */
  async session(): Promise<ClientSession> {
    const opening = (this.#opening ??= this.#open());
    const session = await opening;
    if (!session.isFull) {
      return session;
    }
    if (this.#opening === opening) {
      this.#opening = null;
    }
    return this.session();
  }

  /** The group does not know the session of this call any more. */
  forget(call: SessionCallId): void {
    const opening = this.#opening;
    opening?.then(
      (session) => {
        if (session.id === call.session && this.#opening === opening) {
          this.#opening = null;
        }
      },
      () => {
        // Another one was being opened already: who waits for that hears of it.
      },
    );
  }

  async #open(): Promise<ClientSession> {
    try {
      return new ClientSession(await this.#openSession());
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }
}
