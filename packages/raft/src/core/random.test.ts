import { expect, test } from "vitest";
import { nextRandom, randomBetween, seedRandom } from "./random.ts";

function draw(seed: number, id: number, count: number): number[] {
  const drawn: number[] = [];
  let state = seedRandom(seed, id);
  for (let i = 0; i < count; i++) {
    state = nextRandom(state);
    drawn.push(randomBetween(state, 1000, 2000));
  }
  return drawn;
}

test("the same seed and id draw the same numbers", () => {
  expect(draw(5, 1, 20)).toEqual(draw(5, 1, 20));
});

test("nodes that share a seed draw different numbers", () => {
  const first = draw(5, 1, 20);
  const second = draw(5, 2, 20);
  expect(first.filter((value, i) => value === second[i]).length).toBeLessThan(3);
});

test("numbers are whole, within the bounds and spread over all of them", () => {
  const buckets: number[] = Array.from({ length: 10 }, () => 0);
  for (const value of draw(1, 1, 10_000)) {
    expect(Number.isInteger(value) && value >= 1000 && value < 2000).toBe(true);
    buckets[Math.floor((value - 1000) / 100)]! += 1;
  }
  for (const count of buckets) {
    expect(count).toBeGreaterThan(850);
    expect(count).toBeLessThan(1150);
  }
});

test("an empty range gives its lower bound", () => {
  expect(randomBetween(nextRandom(7), 1000, 1000)).toBe(1000);
});
