// Hot path: per frame of a group. Bench: bench/echo.bench.ts.
import { drainTime } from "./drain-time.ts";
import { MAX_GROUP_ID } from "./frame.ts";
import type { CommandTable } from "./command-table.ts";

export const GroupState = { running: 0, draining: 1, removed: 2 } as const;
export type GroupState = (typeof GroupState)[keyof typeof GroupState];

/**
 * A group as the frames see it. Connections keep the last one they used, so `state` must be looked
 * at.
 */
export class Group {
  readonly id: number;
  readonly table: CommandTable;
  state: GroupState = GroupState.running;
  /** Of performance.now(), when the last frame for the group arrived. */
  lastActivityMs: number;
  /** Requests that were handed to a handler and have no answer yet. */
  inFlight = 0;
  drained: (() => void)[] = [];

  constructor(id: number, table: CommandTable, nowMs: number) {
    this.id = id;
    this.table = table;
    this.lastActivityMs = nowMs;
  }

  /** A request of this group has been answered, or dropped. */
  release(): void {
    this.inFlight--;
    if (this.inFlight === 0 && this.drained.length > 0) {
      const waiters = this.drained;
      this.drained = [];
      for (const done of waiters) {
        done();
      }
    }
  }
}

/**
 * Routes frames by their group id, each group to a command table of its own. Groups come and go
 * while traffic flows. A request for an unknown group is answered GROUP_NOT_FOUND, one for a
 * draining group GROUP_STOPPED; the sender of a one-way gets a nack with the same status.
 */
export class GroupDispatcher {
  readonly #groups = new Map<number, Group>();

  get count(): number {
    return this.#groups.size;
  }

  /**
   * `groupId` is 1 to 2^32-1 and not registered. Group 0 is the server's or client's own command
   * table.
   */
  register(groupId: number, table: CommandTable): void {
    if (!Number.isInteger(groupId) || groupId < 1 || groupId > MAX_GROUP_ID) {
      throw new RangeError(`group id ${groupId} is not within 1..2^32-1`);
    }
    if (this.#groups.has(groupId)) {
      throw new Error(`group ${groupId} is registered already`);
    }
    this.#groups.set(groupId, new Group(groupId, table, performance.now()));
  }

  /** From now on the group is unknown. Requests it has taken may still be answered. */
  unregister(groupId: number): void {
    const group = this.#groups.get(groupId);
    if (group !== undefined) {
      group.state = GroupState.removed;
      this.#groups.delete(groupId);
    }
  }

  /**
   * From now on the group takes nothing new. Resolves when every request it has taken is answered;
   * at once for an unknown group.
   */
  drain(groupId: number): Promise<void> {
    const group = this.#groups.get(groupId);
    if (group === undefined) {
      return Promise.resolve();
    }
    group.state = GroupState.draining;
    if (group.inFlight === 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      group.drained.push(resolve);
    });
  }

  /**
   * Drains the group, for `drainMs` milliseconds at most, and unregisters it. Resolves with whether
   * every request it had taken was answered by then. Those that were not may still be.
   */
  async retire(groupId: number, drainMs: number): Promise<boolean> {
    const group = this.#groups.get(groupId);
    const maxMs = drainTime(drainMs);
    if (group === undefined) {
      return true;
    }
    let timer: NodeJS.Timeout | undefined;
    const timeIsUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, maxMs);
    });
    await Promise.race([this.drain(groupId), timeIsUp]);
    clearTimeout(timer);
    // Meanwhile it may have been unregistered, and its id be in use for another group.
    if (this.#groups.get(groupId) === group) {
      this.unregister(groupId);
    }
    return group.inFlight === 0;
  }

  /** Whether the group is registered; a draining one is. */
  exists(groupId: number): boolean {
    return this.#groups.has(groupId);
  }

  /**
   * When the last frame for the group arrived, or when it was registered; 0 for an unknown group.
   */
  lastActivityMs(groupId: number): number {
    return this.#groups.get(groupId)?.lastActivityMs ?? 0;
  }

  find(groupId: number): Group | null {
    return this.#groups.get(groupId) ?? null;
  }
}
