import { RaftError } from "../../errors.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import { ensure } from "../sim/sim-failure.ts";
import { GOOD_LINK, type SimNetwork } from "../sim/sim-network.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import type { GroupClients } from "./group-clients.ts";
import type { MemberChanges } from "./member-changes.ts";
import type { SimMember } from "./sim-member.ts";

export interface GroupFaultParts {
  readonly queue: EventQueue;
  readonly random: SimRandom;
  /** Draws for what only mixed runs do. */
  readonly mixRandom: SimRandom;
  readonly network: SimNetwork;
  readonly members: readonly SimMember[];
  readonly clients: GroupClients;
  readonly electionMs: number;
  /** Null: members and leaders change by faults alone. */
  readonly changes: MemberChanges | null;
  /** Wall clocks jump so far at a time that sessions are forgotten; 0 = never. */
  readonly jumpMs: number;
}

/** Crashes, stalls, cuts and failing disks of one run, and what an administrator wants meanwhile. */
export class GroupFaults {
  readonly #parts: GroupFaultParts;
  #isCalm = false;
  #isNarrow = false;
  #failure: Error | null = null;
  crashes = 0;
  stalls = 0;
  /** Groups that stopped because their log failed. */
  diskFailures = 0;

  constructor(parts: GroupFaultParts) {
    this.#parts = parts;
  }

  /** The next fault comes some time from now, and so on. */
  start(): void {
    const { queue, random, electionMs } = this.#parts;
    queue.after(random.between(0.2, 2) * electionMs, () => {
      if (!this.#isCalm) {
        if (!this.#strikeOtherwise()) {
          this.#strike();
        }
        this.start();
      }
    });
  }

  /** From now on only what the run is for, so that nothing keeps it from happening. */
  narrow(): void {
    this.#isNarrow = true;
    this.#heal();
  }

  /** No new faults, and every present one ends now. */
  stop(): void {
    this.#isCalm = true;
    this.#heal();
  }

  /** Throws what went wrong in the last step; a member whose log failed is taken down. */
  check(): void {
    const { members, changes } = this.#parts;
    const failure = this.#failure ?? changes?.failure ?? null;
    if (failure !== null) {
      throw failure;
    }
    for (const member of members) {
      const stopped = member.group?.stopped ?? null;
      if (stopped !== null) {
        this.#stopped(member, stopped);
      }
    }
  }

  /** A start takes the time that opening the log takes; what fails in it fails the run. */
  revive(member: SimMember): void {
    if (member.isUp) {
      member.resume();
    } else {
      member.start().catch((error: unknown) => {
        this.#noStart(member, error instanceof Error ? error : new Error(String(error)));
      });
    }
  }

  #heal(): void {
    const { network, members } = this.#parts;
    network.heal();
    network.setAllLinks(GOOD_LINK);
    for (const member of members) {
      member.storage.heal();
      this.revive(member);
    }
  }

  /** What runs for more than crashes and cuts do besides; true when it was that this time. */
  #strikeOtherwise(): boolean {
    const { mixRandom: random, members, changes, jumpMs } = this.#parts;
    if (jumpMs > 0 && random.chance(0.1)) {
      members.forEach((member) => member.clock.jumpWall(jumpMs));
      return true;
    }
    if (changes !== null && random.chance(0.6)) {
      changes.strike();
      return true;
    }
    return false;
  }

  #strike(): void {
    const { random, electionMs, members, clients, network, queue } = this.#parts;
    const id = random.chance(0.5) ? clients.leaderGuess : random.int(1, members.length);
    const victim = members[id - 1];
    const undoMs = random.between(0.1, 4) * electionMs;
    const others = members.map((member) => member.id).filter((other) => other !== id);
    if (victim === undefined || !victim.isUp) {
      return;
    }
    // Who starts again restores a snapshot: nothing but a crash is sure to make a run do so.
    switch (this.#isNarrow ? 0 : random.int(0, 4)) {
      case 0:
        this.crashes++;
        victim.crash();
        break;
      case 1:
        this.stalls++;
        victim.pause();
        break;
      case 2:
        network.cut([id], others);
        break;
      case 3:
        victim.storage.failNextSync();
        break;
      default:
        victim.storage.setSyncMaxMs(electionMs);
    }
    queue.after(undoMs, () => {
      if (!this.#isCalm) {
        network.heal();
        victim.storage.setSyncMaxMs(electionMs / 50);
        // Whoever was away may take itself for the leader still.
        clients.call(id, "read", 0);
        this.revive(victim);
        clients.call(id, "read", 0);
      }
    });
  }

  /** A disk may fail in a start, too; anything else that keeps a member from starting is a failure. */
  #noStart(member: SimMember, error: Error): void {
    if (!("code" in error && error.code === "EIO")) {
      this.#failure ??= error;
      return;
    }
    this.diskFailures++;
    member.crash();
    const { queue, electionMs } = this.#parts;
    queue.after(electionMs, () => {
      if (!member.isUp) {
        this.revive(member);
      }
    });
  }

  /** A group may stop when its log failed, and only then; its process ends with it. */
  #stopped(member: SimMember, reason: Error): void {
    const isDisk = reason instanceof RaftError && reason.code === "DT_RAFT_LOG_FAILED";
    ensure(isDisk, "stopped", () => `the group of node ${member.id} stopped: ${String(reason)}`);
    this.diskFailures++;
    member.crash();
    if (this.#isCalm) {
      this.revive(member);
    }
  }
}
