import { isJoint } from "../../core/membership.ts";
import type { RaftGroup } from "../../node/raft-group.ts";
import { RaftError } from "../../errors.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import { type SimMember, simAddress } from "./sim-member.ts";

/** Asks leaders for other members and for other leaders, as an administrator does who does not look twice. */
export class MemberChanges {
  readonly #members: readonly SimMember[];
  readonly #random: SimRandom;
  readonly #electionMs: number;
  /** Changes that were carried out to their end, and told so. */
  changes = 0;
  transfers = 0;
  /** What is no refusal; fails the run. */
  failure: Error | null = null;

  constructor(members: readonly SimMember[], random: SimRandom, electionMs: number) {
    this.#members = members;
    this.#random = random;
    this.#electionMs = electionMs;
  }

  strike(): void {
    const group = this.#members.find(({ group: each }) => each?.status().role === "leader")?.group;
    if (group === undefined || group === null) {
      return;
    }
    if (this.#random.chance(0.2)) {
      this.#watch(group.transferLeadership(), () => void this.transfers++);
    } else if (!isJoint(group.configuration)) {
      this.#change(group);
    }
  }

  /** One node goes another way; most of those that stop to vote go on observing, because who leaves never returns. */
  #change(group: RaftGroup<number>): void {
    const random = this.#random;
    const voters = new Set(group.configuration.voters);
    const observers = new Set(group.configuration.observers);
    for (let moves = random.int(1, 2); moves > 0; moves--) {
      const { id } = random.pick(this.#members);
      if (voters.delete(id)) {
        if (random.chance(0.85)) {
          observers.add(id);
        }
      } else if (observers.delete(id)) {
        voters.add(id);
      } else if (!group.configuration.removed.includes(id)) {
        (random.chance(0.5) ? voters : observers).add(id);
      }
    }
    if (voters.size === 0) {
      return;
    }
    const target = {
      voters: [...voters].map(simAddress),
      observers: [...observers].map(simAddress),
    };
    const options = { timeoutMs: 6 * this.#electionMs, force: random.chance(0.1) };
    this.#watch(group.changeMembers(target, options), () => void this.changes++);
  }

  #watch(asked: Promise<unknown>, onDone: () => void): void {
    asked.then(onDone, (error: unknown) => {
      if (!(error instanceof RaftError)) {
        this.failure ??= error instanceof Error ? error : new Error(String(error));
      }
    });
  }
}
