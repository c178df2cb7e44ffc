import type { SessionCallId } from "../transport/session-commands.ts";

/** Calls of one session that may be open at once; the servers' window is a little larger. */
const MAX_OPEN = 1000;

/** One session of a group as its client keeps it: numbers for calls, and which of them have answers. */
export class ClientSession {
  readonly id: number;
  #next = 1;
  /** Open calls, in the order of their numbers. */
  readonly #open = new Set<number>();

  constructor(id: number) {
    this.id = id;
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
    return { session: this.id, sequence, answered: oldest };
  }

  /** The call has its answer, or nobody waits for it any more. */
  end({ sequence }: SessionCallId): void {
    this.#open.delete(sequence);
  }
}
