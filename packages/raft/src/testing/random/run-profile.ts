import type { CoreOptions } from "../../core/options.ts";
import { SCRIPT_CORE_OPTIONS } from "../sim/sim-cluster.ts";
import type { ClientLoad } from "./sim-clients.ts";
import { type DiskTiming, FAST_DISK } from "../sim/sim-disk.ts";
import { GOOD_LINK, type LinkFaults } from "../sim/sim-network.ts";
import { type HostTiming, PROMPT_HOST } from "../sim/host-timing.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import { maxWiped } from "./wipe-faults.ts";

/** The fault that a random run is for; the run is rejected when it did not happen. */
export const FOCUSES = [
  "loss",
  "duplication",
  "reordering",
  "partition",
  "clog",
  "conflict",
  "crash",
  "stop",
  "pause",
  "slowDisk",
  "logRead",
  "diskFailure",
  "damage",
  "drift",
  "lateAnswers",
  "transfer",
  "members",
  "wipe",
] as const;
export type Focus = (typeof FOCUSES)[number];

/** Faults that only a leader at work meets: on a very slow network there is seldom one. */
const NEEDS_LEADERS: ReadonlySet<Focus> = new Set([
  "conflict",
  "crash",
  "slowDisk",
  "logRead",
  "diskFailure",
  "damage",
  "drift",
  "lateAnswers",
  "transfer",
  "members",
  "wipe",
]);

/** Everything about a random run that is drawn before it starts. */
export interface RunProfile {
  readonly focus: Focus;
  readonly nodeCount: number;
  /** Nodes that vote from the start; the others wait to be added. */
  readonly voterCount: number;
  readonly core: CoreOptions;
  readonly host: HostTiming;
  readonly link: LinkFaults;
  readonly disk: DiskTiming;
  readonly clockRates: readonly [number, number];
  readonly load: ClientLoad;
  /** How long faults happen, and the longest pause between two of them. */
  readonly faultMs: number;
  readonly calmMaxMs: number;
}

/** What `random` gives; a focus other than null replaces the one that is drawn. */
export function drawProfile(random: SimRandom, wanted: Focus | null = null): RunProfile {
  const drawn = random.pick(FOCUSES);
  const focus = wanted ?? drawn;
  const electionMs = random.pick([150, 400, 1000]);
  // Leases end within a small part of a timeout: what is coarse would miss the moment.
  const isFine = focus === "drift";
  const heartbeatMs = Math.floor(electionMs / (isFine ? 10 : random.pick([3, 5, 10])));
  const drawnCount = drawNodeCount(random, focus);
  const voterCount = focus === "members" ? random.int(1, 3) : drawnCount;
  return {
    focus,
    nodeCount: focus === "wipe" ? voterCount + maxWiped(voterCount) : drawnCount,
    voterCount,
    core: drawCore(random, focus, electionMs, heartbeatMs),
    host: drawHost(random, focus, heartbeatMs),
    link: drawLink(random, focus, electionMs),
    disk: drawDisk(random, focus, electionMs),
    clockRates: focus === "drift" || random.chance(0.3) ? [0.953, 1.047] : [1, 1],
    load: {
      clients: random.int(2, 6),
      keys: random.int(1, 3),
      readRate: random.pick([0.2, 0.5]),
      thinkMaxMs: electionMs / random.pick([1, 4, 10]),
      patienceMs: electionMs * random.int(1, 4),
      strayRate: random.pick([0.1, 0.4]),
      payloadMaxBytes: random.pick([8, 60, 400]),
    },
    faultMs: electionMs * random.int(15, 30),
    calmMaxMs: electionMs * random.pick([1, 2, 4]),
  };
}

function drawNodeCount(random: SimRandom, focus: Focus): number {
  if (focus === "members") {
    return random.int(4, 7);
  }
  if ((focus === "crash" || focus === "stop") && random.chance(0.15)) {
    return random.int(1, 2);
  }
  return random.pick([3, 3, 3, 5, 5, 4]);
}

function drawCore(
  random: SimRandom,
  focus: Focus,
  electionTimeoutMinMs: number,
  heartbeatMs: number,
): CoreOptions {
  const keepsLittle = focus === "logRead" || random.chance(0.3);
  // Whoever feeds its followers one entry at a time never gets ahead of its own disk.
  const isNarrow = focus !== "slowDisk" && random.chance(0.75);
  const maxAppendBytes = isNarrow ? random.pick([1, 100, 1000]) : 1 << 20;
  return {
    ...SCRIPT_CORE_OPTIONS,
    electionTimeoutMinMs,
    electionTimeoutMaxMs: Math.ceil(
      electionTimeoutMinMs * (focus === "drift" ? 1.1 : random.pick([1.1, 1.3, 2])),
    ),
    heartbeatMs,
    preVote: random.chance(0.85),
    checkQuorum: focus === "drift" || random.chance(focus === "lateAnswers" ? 0.3 : 0.85),
    windowAppends: isNarrow ? random.pick([1, 2, 3, 4]) : 256,
    maxAppendBytes,
    windowBytes: isNarrow ? Math.max(maxAppendBytes, random.pick([1, 300, 3000])) : 16 << 20,
    tailBytes: keepsLittle ? random.pick([1, 200, 1000]) : 64 << 20,
  };
}

function drawHost(random: SimRandom, focus: Focus, heartbeatMs: number): HostTiming {
  // Who never catches up with what is committed never reads under a lease.
  const isPrompt = focus === "drift";
  return {
    ...PROMPT_HOST,
    tickMs: heartbeatMs / (isPrompt ? 10 : random.pick([2, 3, 5])),
    turnMaxMs: isPrompt ? 0 : random.pick([0, 0, heartbeatMs / 20, heartbeatMs / 4]),
    applyMaxMs: isPrompt ? 0 : random.pick([0, 0, heartbeatMs]),
    applyBytes: random.pick([1, 200, 1 << 20]),
    takeEarlyRate: random.pick([0, 0.3, 1]),
    cloneRate: random.pick([0, 0, 0.01]),
    useLease: isPrompt || (focus !== "lateAnswers" && random.chance(0.8)),
    shareReads: random.chance(0.5),
    askLeader: random.chance(0.5),
    blindRate: random.pick([0, 0.2]),
  };
}

function drawLink(random: SimRandom, focus: Focus, electionMs: number): LinkFaults {
  const isSlow = !NEEDS_LEADERS.has(focus) && random.chance(0.2);
  return {
    ...GOOD_LINK,
    delayMinMs: 0,
    delayMaxMs: isSlow
      ? electionMs / 2
      : electionMs / (focus === "drift" ? 200 : random.pick([500, 50, 20])),
    lossRate: focus === "loss" ? random.pick([0.05, 0.3]) : random.pick([0, 0, 0.02]),
    duplicateRate: focus === "duplication" ? random.pick([0.1, 0.5]) : random.pick([0, 0, 0.05]),
    ordered: focus !== "reordering" && random.chance(0.6),
  };
}

function drawDisk(random: SimRandom, focus: Focus, electionMs: number): DiskTiming {
  const syncMaxMs = electionMs / (focus === "drift" ? 200 : random.pick([500, 100, 20, 4]));
  return {
    ...FAST_DISK,
    syncMinMs: syncMaxMs * random.pick([0, 0.5]),
    syncMaxMs,
    readMaxMs: electionMs / random.pick([500, 20, 2]),
    gather: random.chance(0.7),
    reportLast: random.chance(0.5),
    readErrorRate: random.pick([0, 0, 0.2]),
  };
}
