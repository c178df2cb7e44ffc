/**
 * Stops the group: the claim is broken only by a bug or by damaged state, and going on could lose
 * or fork committed entries.
 */
export function invariant(holds: boolean, claim: string): asserts holds {
  if (!holds) {
    throw new Error(`raft core: ${claim}`);
  }
}
