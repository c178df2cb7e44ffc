import { settleConfiguration } from "./config-change.ts";
import type { CoreState } from "./core-state.ts";
import type { Peer } from "./progress.ts";
import { reachedByQuorum } from "./quorum.ts";
import { isReadable, onReadable } from "./reads.ts";
import { advanceTransfer } from "./transfer.ts";

/**
 * Leader: commits what a quorum has durably (in a joint configuration one of each half), if it is of the own term; entries of earlier terms are
 * committed by what follows them (Raft paper, section 5.4.2). The leader's own disk counts like any
 * other, so a group may commit before its leader's write is durable, and a lone voter never does.
 */
export function advanceCommit(s: CoreState): void {
  const { peers, scratch } = s;
  for (let i = 0; i < peers.length; i++) {
    scratch[i] = (peers[i] as Peer).matchIndex;
  }
  const index = reachedByQuorum(s, s.writes.durableIndex);
  if (index <= s.commitIndex || index < s.termStartIndex) {
    return;
  }
  const wasReadable = isReadable(s);
  s.commitIndex = index;
  if (!wasReadable) {
    onReadable(s);
  }
  if (!s.isConfigurationSettled) {
    settleConfiguration(s);
  }
  if (s.transferTo !== 0) {
    advanceTransfer(s);
  }
}
