import type { ClientCall, ClientHistory } from "../check/client-history.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import { leaderAtRest } from "./group-rest.ts";
import { SessionClient, type SessionCounts } from "./session-client.ts";
import type { SimMember } from "./sim-member.ts";

const CLIENTS = 5;
const SESSION_CLIENTS = 3;

export interface GroupClientParts {
  readonly queue: EventQueue;
  readonly random: SimRandom;
  readonly history: ClientHistory;
  readonly members: readonly SimMember[];
  readonly electionMs: number;
}

/** Clients of one run: some call whom they take for the leader, some repeat their writes in sessions. */
export class GroupClients {
  readonly #parts: GroupClientParts;
  readonly #sessionClients: SessionClient[] = [];
  #isCalm = false;
  #isNarrow = false;
  /** Whom the clients without sessions ask. */
  leaderGuess = 1;
  readonly sessions: SessionCounts = { repeated: 0, remembered: 0, expired: 0 };

  constructor(parts: GroupClientParts) {
    this.#parts = parts;
  }

  /** A call in a session waits for its answer. */
  get isWaiting(): boolean {
    return this.#sessionClients.some(({ isBusy }) => isBusy);
  }

  start(): void {
    for (let client = 1; client <= CLIENTS; client++) {
      this.#callLater(client);
    }
  }

  /** Begins with the clients that have sessions, which draw from `random`. */
  startSessions(random: SimRandom): void {
    const { members } = this.#parts;
    const guess = (): SimMember => {
      const leader = leaderAtRest(members);
      const isBlind = leader === null || (!this.#isCalm && random.chance(0.3));
      return isBlind ? random.pick(members) : leader;
    };
    const parts = { ...this.#parts, random, guess };
    for (let client = 1; client <= SESSION_CLIENTS; client++) {
      this.#sessionClients.push(new SessionClient(CLIENTS + client, parts, this.sessions));
    }
  }

  /** From now on only sessions are used. */
  narrow(): void {
    this.#isNarrow = true;
  }

  /** No new calls; those in sessions are asked for until they are answered. */
  stop(): void {
    this.#isCalm = true;
    this.#sessionClients.forEach((client) => client.stop());
  }

  call(id: number, kind: ClientCall["kind"], client: number): ClientCall {
    const { random, history, members } = this.#parts;
    const key = random.int(1, 2);
    const call = history.invoke(kind, id, client, key, random.pick([8, 40, 300]));
    call.onSettled = ({ outcome }) => {
      this.leaderGuess = outcome === "ok" ? id : random.int(1, members.length);
    };
    members[id - 1]?.submit(call);
    return call;
  }

  #callLater(client: number): void {
    const { queue, random, members, electionMs } = this.#parts;
    queue.after(random.between(0, electionMs / 4), () => {
      if (this.#isNarrow && !this.#isCalm) {
        this.#callLater(client);
      } else if (!this.#isCalm) {
        const isStray = random.chance(0.2);
        const id = isStray ? random.int(1, members.length) : this.leaderGuess;
        const count = random.chance(0.1) ? 15 : 1;
        for (let i = 0; i < count; i++) {
          this.call(id, random.chance(0.4) ? "read" : "write", client);
        }
        this.#callLater(client);
      }
    });
  }
}
