import type { SessionKey } from "../../entry/session-prefix.ts";
import type { ClientCall, ClientHistory } from "../check/client-history.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import { ensure } from "../sim/sim-failure.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import type { SimMember } from "./sim-member.ts";

/** What the clients of one run share. */
export interface SessionClientParts {
  readonly queue: EventQueue;
  readonly random: SimRandom;
  readonly history: ClientHistory;
  readonly members: readonly SimMember[];
  readonly electionMs: number;
  /** Whom to ask, by what is known of the leader. */
  readonly guess: () => SimMember;
}

/** What the clients of one run met. */
export interface SessionCounts {
  /** Calls that were proposed more than once before an answer came. */
  repeated: number;
  /** Answers that came from the memory of an earlier try. */
  remembered: number;
  /** Calls whose session was forgotten. */
  expired: number;
}

/**
 * A client that writes in a session: it hands the same call in again and again, here and there, until an answer
 * comes. The history fails when a call is applied twice, or after it was said never to be.
 */
export class SessionClient {
  readonly #parts: SessionClientParts;
  readonly #client: number;
  readonly #counts: SessionCounts;
  #key: SessionKey | null = null;
  #sequence = 0;
  #isStopped = false;
  /** Waits for the answer to a call. */
  isBusy = false;

  constructor(client: number, parts: SessionClientParts, counts: SessionCounts) {
    this.#client = client;
    this.#parts = parts;
    this.#counts = counts;
    this.#goOnLater();
  }

  /** No new calls from now on; the present one is asked for until it is answered. */
  stop(): void {
    this.#isStopped = true;
  }

  #goOnLater(): void {
    const { queue, random, electionMs } = this.#parts;
    queue.after(random.between(0, electionMs / 2), () => {
      if (this.#isStopped) {
        return;
      }
      if (this.#key === null) {
        this.#open();
      } else {
        this.#call(this.#key);
      }
    });
  }

  #open(): void {
    const { queue, electionMs, guess } = this.#parts;
    let isOver = false;
    const end = (key: SessionKey | null): void => {
      if (!isOver) {
        isOver = true;
        this.#key = key;
        this.#sequence = 0;
        this.#goOnLater();
      }
    };
    guess().openSession({ succeed: end, fail: () => end(null) });
    queue.after(2 * electionMs, () => end(null));
  }

  #call(key: SessionKey): void {
    const { history, random } = this.#parts;
    const sequence = ++this.#sequence;
    const register = random.int(1, 2);
    const call = history.invoke("write", 0, this.#client, register, random.pick([8, 40, 300]));
    this.isBusy = true;
    this.#try(call, { ...key, sequence, answered: sequence }, 1);
  }

  #try(call: ClientCall, id: SessionKey & { sequence: number; answered: number }, tries: number) {
    const { queue, random, history, electionMs, guess } = this.#parts;
    const isOver = (): boolean => call.outcome !== "pending";
    guess().callInSession(id, call, {
      succeed: (result, index) => {
        ensure(result === call.id, "session", () => `call ${call.id} gets the result ${result}`);
        const first = history.appliedIndexOf(call.id);
        this.#counts.remembered += first === index ? 0 : 1;
        if (isOver()) {
          return;
        }
        this.#counts.repeated += tries > 1 ? 1 : 0;
        history.succeed(call, first, 0);
        this.#end();
      },
      fail: ({ code }) => {
        if (isOver() || code !== "DT_RAFT_SESSION_EXPIRED") {
          return;
        }
        this.#counts.expired++;
        this.#key = null;
        // Only an earlier try can have been applied.
        if (tries > 1) {
          history.lose(call);
        } else {
          history.refuse(call);
        }
        this.#end();
      },
    });
    queue.after(random.between(0.1, 1) * electionMs, () => {
      if (!isOver()) {
        this.#try(call, id, tries + 1);
      }
    });
  }

  #end(): void {
    this.isBusy = false;
    this.#goOnLater();
  }
}
