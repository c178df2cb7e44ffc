import { expect, test } from "vitest";
import { runMix, runRandom } from "../../src/testing/index.ts";

// Found by 100,000 seeds: a heartbeat of an earlier term reached a voter late, and its answer carried the term of now. Its
// sender led again, and took the answer for one to a message of its new term.
test("Q3 no read is confirmed by an answer to an earlier term", () => {
  expect(runRandom(54348).readsOk).toBeGreaterThan(0);
});

test.each([28709, 69125, 99463])("Q4 no lease counts from such an answer, seed %i", (seed) => {
  expect(runRandom(seed).leaseReads).toBeGreaterThan(0);
});

// Found by the same search: reads that were confirmed, and wait for what a removed member never gets to apply.
test.each([61760, 99020])("Q7 reads end at a member that was removed, seed %i", async (seed) => {
  expect((await runMix(seed)).memberChanges).toBeGreaterThan(0);
});

// A change of members was aborted: who had confirmed the reads of its leader was a quorum from then on.
test.each([103191, 109723])(
  "reads that a smaller quorum has confirmed are served, seed %i",
  (seed) => {
    expect(runRandom(seed).readsOk).toBeGreaterThan(0);
  },
);
