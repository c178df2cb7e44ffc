import type { Message } from "../../core/message.ts";
import { MemorySnapshotStore } from "../../log/memory-snapshot-store.ts";
import type { ClientHistory } from "../check/client-history.ts";
import { Ledger } from "../check/ledger.ts";
import { DriftingClock } from "../sim/drifting-clock.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import { drawGroupOptions } from "./draw-group-options.ts";
import type { MemberStorage, StorageParts } from "./member-storage.ts";
import { SimMember } from "./sim-member.ts";

export interface MemberDraw {
  readonly queue: EventQueue;
  readonly random: SimRandom;
  /** Draws the options of snapshots; null = there are none. */
  readonly snapshotRandom: SimRandom | null;
  readonly history: ClientHistory;
  readonly electionMs: number;
  /** Three members begin, and three nodes more wait to be added. */
  readonly areAdded: boolean;
  readonly makeStorage: (parts: StorageParts) => MemberStorage;
  readonly send: (message: Message) => void;
}

/** The nodes of one run, none of them started. */
export function drawMembers(draw: MemberDraw): SimMember[] {
  const { queue, random, snapshotRandom, history, electionMs, areAdded, makeStorage, send } = draw;
  const drawn = random.chance(0.7) ? [1, 2, 3] : [1, 2, 3, 4, 5];
  const nodes = areAdded ? [1, 2, 3, 4, 5, 6] : drawn;
  const ids = areAdded ? [1, 2, 3] : drawn;
  const ledger = new Ledger();
  const options = drawGroupOptions(random, snapshotRandom, electionMs);
  const syncMaxMs = electionMs / random.pick([200, 20]);
  return nodes.map((id) => {
    const rate = random.between(0.953, 1.047);
    return new SimMember({
      id,
      ids,
      queue,
      clock: new DriftingClock(queue, random.between(0, 1e6), rate),
      storage: makeStorage({ nodeId: id, queue, random: random.fork(), syncMaxMs }),
      history,
      ledger,
      options,
      seed: random.bits(),
      send,
      snapshots: snapshotRandom === null ? undefined : new MemorySnapshotStore(),
    });
  });
}
