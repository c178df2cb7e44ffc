// For authors of logs.
export type { ConformanceRunner, LogStorage } from "./conformance-cases.ts";
export { runRaftLogConformance } from "./log-conformance.ts";
export { runLogHeadConformance } from "./log-head-conformance.ts";
export { runSnapshotStoreConformance, type SnapshotStorage } from "./snapshot-store-conformance.ts";

// For tests with real sockets.
export { freePorts } from "./free-ports.ts";

// The simulated cluster.
export { SimCluster, type SimClusterOptions, SCRIPT_CORE_OPTIONS } from "./sim/sim-cluster.ts";
export { SimNode, type NodeCounts, type NodeParts } from "./sim/sim-node.ts";
export { type HostTiming, PROMPT_HOST } from "./sim/host-timing.ts";
export type { AdminCall, AdminRequest } from "./sim/admin-call.ts";
export type { SealedWrites } from "./sim/call-intake.ts";
export type { ProcessParts, Work } from "./sim/sim-process.ts";
export type { StepWatch } from "./sim/step-watch.ts";
export {
  GOOD_LINK,
  type LinkFaults,
  type MessageMatch,
  type NetworkCounts,
  type NetworkPort,
  SimNetwork,
} from "./sim/sim-network.ts";
export { type DiskTiming, FAST_DISK, SimDisk } from "./sim/sim-disk.ts";
export { StoredLog } from "./sim/stored-log.ts";
export { preloadedLog } from "./sim/preloaded-log.ts";
export { DriftingClock, SIM_EPOCH_MS } from "./sim/drifting-clock.ts";
export { EventQueue, type SimEvent } from "./sim/event-queue.ts";
export { SimRandom } from "./sim/sim-random.ts";
export { SimTrace } from "./sim/sim-trace.ts";
export { withoutEntropy } from "./sim/entropy-trap.ts";
export { isRejection, SimFailure } from "./sim/sim-failure.ts";
export { describeInput, describeMessage, describeRole } from "./sim/describe.ts";
export {
  type ApplyListener,
  COMMAND_BYTES,
  encodeCommand,
  type RegisterCommand,
  RegisterMachine,
} from "./sim/register-machine.ts";
export type { ApplyTiming } from "./sim/apply-loop.ts";

// The rules that a run is checked against.
export { type InvariantLimits, Invariants } from "./check/invariants.ts";
export { Ledger } from "./check/ledger.ts";
export { type CallOutcome, type ClientCall, ClientHistory } from "./check/client-history.ts";
export { checkLinearizable, type RegisterOperation } from "./check/linearizability.ts";

// Random runs.
export { runRandom, type RunOptions, type RunReport } from "./random/random-run.ts";
export { drawProfile, type Focus, FOCUSES, type RunProfile } from "./random/run-profile.ts";
export { type MixReport, runMix } from "./random/run-mix.ts";
export { runSeed, SEED_FOCUSES, type SeedFocus, type SeedOptions } from "./random/run-seed.ts";
export { type ClientLoad, SimClients } from "./random/sim-clients.ts";
export { Nemesis } from "./random/nemesis.ts";

// Whole groups in virtual time, on logs of any kind.
export { SimGroups, type SimGroupOptions } from "./group/sim-groups.ts";
export { SimMember, type MemberParts } from "./group/sim-member.ts";
export { type MemberStorage, SimDiskStorage, type StorageParts } from "./group/member-storage.ts";
export { ProcessClock } from "./group/process-clock.ts";
