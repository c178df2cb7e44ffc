import { Nemesis } from "./nemesis.ts";
import type { NodeId } from "../../core/message.ts";
import type { ClientCall } from "../check/client-history.ts";
import { countDone, startVoters } from "./admin-faults.ts";
import { replaceWiped } from "./replacement.ts";
import { drawProfile, type Focus } from "./run-profile.ts";
import { SimClients } from "./sim-clients.ts";
import { SimCluster } from "../sim/sim-cluster.ts";
import { withoutEntropy } from "../sim/entropy-trap.ts";
import { ensure, REJECTED } from "../sim/sim-failure.ts";
import type { NetworkCounts } from "../sim/sim-network.ts";
import type { NodeCounts } from "../sim/sim-node.ts";
import { SimRandom } from "../sim/sim-random.ts";

/** What one random run did: proof that it was worth running. */
export interface RunReport extends NodeCounts, NetworkCounts {
  readonly seed: number;
  readonly focus: Focus;
  readonly traceHash: string;
  readonly steps: number;
  readonly elections: number;
  readonly truncations: number;
  /** Commits by a leader whose own disk did not hold the entry yet. */
  readonly commitsAheadOfDisk: number;
  readonly writesOk: number;
  readonly readsOk: number;
  readonly unknown: number;
  /** Requests for another leader, and steps of changes of members, that were taken. */
  readonly transfers: number;
  readonly memberChanges: number;
  /** Connections with nodes that had lost their disks, refused. */
  readonly refusedConnections: number;
}

export interface RunOptions {
  /** The fault that the run is for; drawn from the seed when it is not given. */
  readonly focus?: Focus | null;
  /** Gets every line of the trace. */
  readonly onLine?: (line: string) => void;
}

/** How often a run may go on with more faults when the one it is for did not happen. */
const MAX_EXTENSIONS = 20;

/**
 * One cluster under random faults and clients, everything drawn from `seed`. Checks the invariants
 * at each step; in the end, with all faults over, that within 20 election timeouts there is one
 * leader, that all logs and states are equal, that a new write and a new read succeed (I13), and
 * that what the clients saw has a linear order (I11). Rejects a run without the fault it is for.
 */
export function runRandom(seed: number, options: RunOptions = {}): RunReport {
  return withoutEntropy(() => play(seed, options));
}

function play(seed: number, { focus, onLine }: RunOptions): RunReport {
  const profile = drawProfile(new SimRandom(seed ^ 0x5eed), focus ?? null);
  const { core, host, link, disk, nodeCount, voterCount, clockRates, load, faultMs } = profile;
  const voters = startVoters(voterCount);
  const options = { seed, nodeCount, voters, core, host, link, disk, clockRates };
  const cluster = new SimCluster(options);
  cluster.trace.onLine = onLine ?? null;
  cluster.reportUnreachable = cluster.random.chance(0.5);
  const clients = new SimClients(cluster, load);
  const nemesis = new Nemesis(cluster, profile);
  cluster.run(faultMs);
  for (let i = 0; i < MAX_EXTENSIONS && !isExercised(cluster, nemesis); i++) {
    if (i === MAX_EXTENSIONS / 2) {
      nemesis.narrow();
      cluster.run(faultMs / 2);
    }
    nemesis.strike();
    cluster.run(faultMs / 2);
  }
  cluster.script(() => {
    clients.stop();
    nemesis.stop();
    const problem = `a run for ${profile.focus} did without it`;
    ensure(isExercised(cluster, nemesis), REJECTED, problem);
  });
  converge(cluster);
  if (profile.focus === "wipe") {
    replaceWiped(cluster, voterCount);
    converge(cluster);
  }
  cluster.checkHistory();
  return report(cluster, nemesis);
}

/** Asked again where it is refused: a leader that hands over refuses until that is done or given up. */
function converge(cluster: SimCluster): void {
  cluster.settle();
  answer(cluster, (leader) => cluster.write(leader));
  answer(cluster, (leader) => cluster.read(leader));
  cluster.settle();
}

function answer(cluster: SimCluster, ask: (leader: NodeId) => ClientCall): void {
  let call: ClientCall | null = null;
  let askedAtMs = -Infinity;
  const isAnswered = (): boolean => {
    const { leader } = cluster;
    const isOver = call === null || call.outcome === "refused" || call.outcome === "unknown";
    if (isOver && leader !== null && cluster.nowMs > askedAtMs) {
      askedAtMs = cluster.nowMs;
      call = ask(leader.id);
    }
    return call?.outcome === "ok";
  };
  cluster.runUntil(isAnswered, 20 * cluster.electionMs, "I13: an answer after all faults");
}

function isExercised(cluster: SimCluster, { profile, adminCalls }: Nemesis): boolean {
  const { focus, clockRates } = profile;
  const counts = totals(cluster);
  const { invariants } = cluster;
  switch (focus) {
    case "loss":
      return counts.lost > 0;
    case "duplication":
      return counts.duplicated > 0;
    case "reordering":
      return counts.reordered > 0;
    case "partition":
      return counts.cut > 0;
    case "clog":
      return counts.clogged > 0;
    case "diskFailure":
      return counts.diskFailures > 0;
    case "damage":
      return cluster.nodes.some(({ disk }) => disk.damageMet > 0);
    case "conflict":
      return invariants.truncations > 0;
    case "crash":
      return counts.crashes > 0 && counts.lostWrites > 0;
    case "stop":
      return counts.stops > 0;
    case "pause":
      return counts.pauses > 0;
    case "slowDisk":
      return invariants.commitsAheadOfDisk > 0;
    case "logRead":
      return counts.logReads > 0;
    case "transfer":
      return countDone(adminCalls, "transfer") > 0;
    case "members":
      return countDone(adminCalls, "change") > 1;
    case "lateAnswers":
      return counts.clogged > 0 && counts.confirmedReads > 0;
    case "wipe":
      return counts.wipes > 0 && cluster.handshakes.refused > 0;
    case "drift":
      return clockRates[0] < clockRates[1] && counts.leaseReads > 0;
  }
}

function totals(cluster: SimCluster): NodeCounts & NetworkCounts {
  const sum = (read: (counts: NodeCounts) => number): number =>
    cluster.nodes.reduce((total, { counts }) => total + read(counts), 0);
  return {
    ...cluster.network.counts,
    starts: sum((counts) => counts.starts),
    crashes: sum((counts) => counts.crashes),
    stops: sum((counts) => counts.stops),
    pauses: sum((counts) => counts.pauses),
    diskFailures: sum((counts) => counts.diskFailures),
    tickStalls: sum((counts) => counts.tickStalls),
    lostWrites: sum((counts) => counts.lostWrites),
    logReads: sum((counts) => counts.logReads),
    leaseReads: sum((counts) => counts.leaseReads),
    confirmedReads: sum((counts) => counts.confirmedReads),
    proposeDrops: sum((counts) => counts.proposeDrops),
    clones: sum((counts) => counts.clones),
    wipes: sum((counts) => counts.wipes),
  };
}

function report(cluster: SimCluster, { profile, adminCalls }: Nemesis): RunReport {
  const { calls } = cluster.history;
  const { steps, elections, truncations, commitsAheadOfDisk } = cluster.invariants;
  return {
    ...totals(cluster),
    seed: cluster.seed,
    focus: profile.focus,
    traceHash: cluster.trace.hash,
    steps,
    elections,
    truncations,
    commitsAheadOfDisk,
    writesOk: calls.filter(({ kind, outcome }) => kind === "write" && outcome === "ok").length,
    readsOk: calls.filter(({ kind, outcome }) => kind === "read" && outcome === "ok").length,
    transfers: countDone(adminCalls, "transfer"),
    memberChanges: countDone(adminCalls, "change"),
    refusedConnections: cluster.handshakes.refused,
    unknown: calls.filter(({ outcome }) => outcome === "unknown").length,
  };
}
