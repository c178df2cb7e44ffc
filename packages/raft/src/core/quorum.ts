import type { CoreState } from "./core-state.ts";
import type { Peer } from "./progress.ts";

/** Members that make a majority of `voterCount`. */
export function quorumSize(voterCount: number): number {
  return (voterCount >>> 1) + 1;
}

/**
 * The k-th largest of the first `count` values, k from 1: what at least k members have reached.
 * Sorts them in place; groups are small, so insertion beats anything that allocates.
 */
export function kthLargest(values: number[], count: number, k: number): number {
  for (let i = 1; i < count; i++) {
    const value = values[i] as number;
    let at = i - 1;
    while (at >= 0 && (values[at] as number) < value) {
      values[at + 1] = values[at] as number;
      at--;
    }
    values[at + 1] = value;
  }
  return values[k - 1] as number;
}

/**
 * What a quorum of the active configuration has reached, of a joint one a quorum of each half.
 * `s.scratch[i]` is what `s.peers[i]` reached, `own` what this node did. Uses up the scratch space.
 */
export function reachedByQuorum(s: CoreState, own: number): number {
  if (s.nextQuorum !== 0) {
    return Math.min(
      reachedByHalf(s, own, s.quorum, s.isOldVoter, false),
      reachedByHalf(s, own, s.nextQuorum, s.isNextVoter, true),
    );
  }
  // Peers that vote stand first.
  const { scratch, voterPeers } = s;
  let count = voterPeers;
  if (s.isOldVoter) {
    scratch[count] = own;
    count++;
  }
  return kthLargest(scratch, count, s.quorum);
}

function reachedByHalf(
  s: CoreState,
  own: number,
  quorum: number,
  isSelfIn: boolean,
  isNext: boolean,
): number {
  const { peers, scratch, halfScratch } = s;
  let count = 0;
  if (isSelfIn) {
    halfScratch[count++] = own;
  }
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[i] as Peer;
    if (isNext ? peer.isNextVoter : peer.isOldVoter) {
      halfScratch[count++] = scratch[i] as number;
    }
  }
  return kthLargest(halfScratch, count, quorum);
}
