import { expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { type Action, ExploredWorld } from "./explored-world.test.kit.ts";

/** What a random walk does now and then; everything else happens all the time. */
const RARE: ReadonlySet<Action["kind"]> = new Set(["tick", "crash", "duplicate"]);

const EMPTY = { log: [], term: 0 };

interface Explored {
  readonly states: number;
  readonly depth: number;
  /** Most leaders, and most committed entries, that one world has seen. */
  readonly leaders: number;
  readonly committed: number;
}

/**
 * Every order in which deliveries, losses, writes, crashes and timeouts can happen, breadth first,
 * until there is no new world or `maxStates` were seen. `ExploredWorld` checks each of them.
 */
function explore(start: ExploredWorld, maxStates: number): Explored {
  const seen = new Set([start.digest()]);
  const explored = { states: 0, depth: 0, leaders: 0, committed: 0 };
  let frontier = [start];
  while (frontier.length > 0 && seen.size < maxStates) {
    const next: ExploredWorld[] = [];
    for (const world of frontier) {
      for (const action of world.actions()) {
        const after = world.after(action);
        if (after === null || seen.size >= maxStates) {
          continue;
        }
        const digest = after.digest();
        if (!seen.has(digest)) {
          seen.add(digest);
          next.push(after);
          explored.leaders = Math.max(explored.leaders, after.leaderCount);
          explored.committed = Math.max(explored.committed, after.committedCount);
        }
      }
    }
    explored.depth++;
    frontier = next;
  }
  explored.states = seen.size;
  return explored;
}

/*
 * What is checked in every world: one leader a term; equal entries have equal histories; a leader
 * has all that was committed before its term; a committed entry never changes and is on a quorum of
 * disks; votes and acks leave only with what they promise on disk; the invariants of each core.
 */

test("one election, a proposal and a crash of anybody at any time, torn writes included", () => {
  const world = ExploredWorld.of([EMPTY, EMPTY, EMPTY], {
    ticks: [1],
    proposals: 1,
    duplicates: 0,
    crashes: 1,
  });
  expect(explore(world, 100_000)).toMatchObject({ leaders: 1, committed: 2 });
});

test("two rivals, with messages delivered twice", () => {
  const world = ExploredWorld.of([EMPTY, EMPTY, EMPTY], {
    ticks: [1, 2],
    proposals: 0,
    duplicates: 1,
    crashes: 0,
  });
  expect(explore(world, 8_000)).toMatchObject({ leaders: 2, committed: 1 });
});

test("paper figure 8: an entry of an earlier term on a quorum, and a rival without it", () => {
  const world = ExploredWorld.of(
    [
      { log: entries(1, 2), term: 3 },
      { log: entries(1), term: 2 },
      { log: entries(1, 3), term: 3 },
    ],
    { ticks: [1, 3], proposals: 0, duplicates: 0, crashes: 0 },
  );
  expect(explore(world, 8_000)).toMatchObject({ leaders: 2 });
});

test("long random walks through many elections, crashes and duplicates", () => {
  let state = 1;
  function random(limit: number): number {
    state = (state * 48271) % 0x7fffffff;
    return state % limit;
  }
  let committed = 0;
  for (let walk = 0; walk < 150; walk++) {
    let world = ExploredWorld.of([EMPTY, EMPTY, EMPTY], {
      ticks: [1, 2, 3, 1, 2, 3],
      proposals: 6,
      duplicates: 10,
      crashes: 3,
    });
    for (let step = 0; step < 150; step++) {
      const actions = world.actions().filter(({ kind }) => !RARE.has(kind) || random(30) === 0);
      const action = actions[random(actions.length)];
      world = action === undefined ? world : (world.after(action) ?? world);
    }
    committed += world.committedCount;
  }
  expect(committed).toBeGreaterThan(150);
});

test("a follower whose entries are replaced while their write is on its way", () => {
  const world = ExploredWorld.of(
    [
      { log: entries(1, 1, 2), term: 3 },
      { log: entries(1), term: 3 },
      { log: entries(1, 3), term: 3 },
    ],
    { ticks: [1, 3], proposals: 0, duplicates: 0, crashes: 1 },
  );
  expect(explore(world, 8_000).leaders).toBe(2);
});
