import type { SessionCallId, SessionKey } from "../transport/session-commands.ts";

/** Calls of one session that may be open at once; the servers' window is a little larger. */
const MAX_OPEN = 1000;

/** One session of a group as its client keeps it: numbers for calls, and which of them have answers. */
export class ClientSession {
  readonly #key: SessionKey;
  #next = 1;
  /** Open calls, in the order of their numbers. */
  readonly #open = new Set<number>();

  constructor(key: SessionKey) {
    this.#key = key;
  }

  get id(): number {
    return this.#key.session;
  }

  /** The next call must wait for answers. */
  get isFull(): boolean {
    const [oldest] = this.#open;
    return oldest !== undefined && this.#next - oldest >= MAX_OPEN;
  }

  begin(): SessionCallId {
    const sequence = this.#next++;
    this.#open.add(sequence);
    const [oldest = sequence] = this.#open;
    const { session, secret } = this.#key;
    return { session, secret, sequence, answered: oldest };
  }

  /** The call has its answer, or nobody waits for it any more. */
  end({ sequence }: SessionCallId): void {
    this.#open.delete(sequence);
  }
}
