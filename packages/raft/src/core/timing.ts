import type { CoreState } from "./core-state.ts";
import { Role } from "./output.ts";
import { nextRandom, randomBetween } from "./random.ts";

/** Starts a round: another random timeout, so that equals do not tie for ever. */
export function startElectionTimer(s: CoreState): void {
  s.randomState = nextRandom(s.randomState);
  s.electionTimeoutMs = randomBetween(
    s.randomState,
    s.options.electionTimeoutMinMs,
    s.options.electionTimeoutMaxMs,
  );
  s.electionDeadlineMs = s.nowMs + s.electionTimeoutMs;
}

/** The same round starts over. */
export function restartElectionTimer(s: CoreState): void {
  s.electionDeadlineMs = s.nowMs + s.electionTimeoutMs;
}

export function leaderHeard(s: CoreState): void {
  s.heardLeaderMs = s.nowMs;
  s.isStallExcused = false;
  restartElectionTimer(s);
}

/**
 * Whether a rival of the leader is refused. Depends on time alone, not on whether the leader's term
 * is still ours: its lease counts on every voter that answered it, until its own clock says otherwise.
 */
export function isLeaderAlive(s: CoreState): boolean {
  return s.role === Role.leader || s.nowMs - s.heardLeaderMs < s.options.electionTimeoutMinMs;
}

/**
 * True once after the process did not run for a good part of an election timeout: what others sent
 * meanwhile still waits in the sockets, and is heard before time is held against them.
 */
export function excuseStall(s: CoreState, sinceLastTickMs: number): boolean {
  if (s.isStallExcused || sinceLastTickMs * 2 <= s.options.electionTimeoutMinMs) {
    return false;
  }
  s.isStallExcused = true;
  return true;
}
