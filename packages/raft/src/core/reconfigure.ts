import type { CoreState } from "./core-state.ts";
import { renewLease } from "./lease.ts";
import { Role } from "./output.ts";
import { grantReads } from "./reads.ts";

/**
 * Another configuration is active: an entry of one was appended, or cut away again. Who leads starts
 * to feed the members that are new, and counts what it was told anew.
 */
export function reconfigure(s: CoreState): void {
  const known = new Set(s.peers);
  s.activate();
  s.out.hasConfigurationChange = true;
  s.isConfigurationSettled = false;
  if (s.role !== Role.leader) {
    return;
  }
  for (const peer of s.peers) {
    if (!known.has(peer)) {
      peer.reset(s.log.lastIndex + 1, s.nowMs);
    }
  }
  renewLease(s);
  // What was too few before may be a quorum now, and say nothing new any more.
  grantReads(s);
}
