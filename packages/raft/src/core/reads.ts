import type { CoreState } from "./core-state.ts";
import { answerAsker, askLeader } from "./remote-reads.ts";
import type { NodeId } from "./message.ts";
import { DropReason, Role } from "./output.ts";
import type { Peer } from "./progress.ts";
import { reachedByQuorum } from "./quorum.ts";

/**
 * Linearizable reads without a lease (Raft thesis, section 6.4): the read gets the commit index at
 * its arrival, and is granted when a quorum answered messages that left after its arrival. Every
 * message carries the newest token, so one round confirms all reads up to that token, and an answer
 * to an earlier round can confirm only earlier reads.
 */
export function onRead(s: CoreState, request: number, mayAskLeader: boolean): void {
  if (s.role === Role.leader) {
    confirm(s, request, 0, 0, s.reads.nextToken(request));
  } else if (mayAskLeader && s.leaderId !== 0) {
    askLeader(s, request);
  } else {
    s.out.readDrops.push({ token: request, reason: DropReason.notLeader });
  }
}

/** Leader: a read of its own host or of another member waits for a round that begins after it. */
export function confirm(
  s: CoreState,
  request: number,
  asker: NodeId,
  run: number,
  token: number,
): void {
  s.reads.add(token, s.commitIndex, request, asker, run);
  grantReads(s);
  if (s.reads.count > 0) {
    s.isHeartbeatWanted = true;
  }
}

/** A leader knows what is committed only when it has committed an entry of its own term. */
export function isReadable(s: CoreState): boolean {
  return s.role === Role.leader && s.commitIndex >= s.termStartIndex;
}

/** The first commit of the own term: reads that waited for it learn what they must see. */
export function onReadable(s: CoreState): void {
  const indexes = s.reads.indexes;
  for (let i = 0; i < indexes.length; i++) {
    indexes[i] = s.commitIndex;
  }
  grantReads(s);
}

/** Grants what a quorum, this node included, has confirmed. */
export function grantReads(s: CoreState): void {
  const reads = s.reads;
  if (reads.count === 0 || !isReadable(s)) {
    return;
  }
  const confirmed = confirmedToken(s);
  let count = 0;
  while (count < reads.count && (reads.tokens[count] as number) <= confirmed) {
    grant(s, count);
    count++;
  }
  reads.dropFirst(count);
}

function grant(s: CoreState, at: number): void {
  const { askers, runs, requests, indexes } = s.reads;
  const asker = askers[at] as NodeId;
  const token = requests[at] as number;
  const index = indexes[at] as number;
  if (asker === 0) {
    s.out.readGrants.push({ token, index });
  } else {
    answerAsker(s, asker, runs[at] as number, token, index);
  }
}

function confirmedToken(s: CoreState): number {
  const { peers, scratch } = s;
  for (let i = 0; i < peers.length; i++) {
    scratch[i] = (peers[i] as Peer).ackedReadToken;
  }
  return reachedByQuorum(s, s.reads.newestToken);
}
