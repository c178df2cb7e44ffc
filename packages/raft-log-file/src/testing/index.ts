// A disk in memory, for unit tests and simulators.
export { FaultyDisk } from "./faulty-disk.ts";
export type { DiskLatency } from "./faulty-disk.ts";
export type { Fault, Operation, OperationKind } from "./disk-operation.ts";
export { SECTOR_BYTES } from "./disk-inode.ts";
export type { SectorChoices } from "./disk-inode.ts";
export { EVERYTHING_SURVIVES, NOTHING_SURVIVES, randomCrash } from "./crash-choices.ts";
export type { CrashChoices } from "./crash-choices.ts";
export { randomDelays, randomFaults } from "./random-faults.ts";
export type { FaultRates, LatencyRange } from "./random-faults.ts";
export { PowerLossFailure, runPowerLoss } from "./power-loss.ts";
export type { PowerLossOptions, PowerLossReport } from "./power-loss.ts";

// Faults on a real disk, for tests on real processes.
export { FaultInjector } from "./fault-injector.ts";
export type { InjectedFault } from "./fault-injector.ts";
