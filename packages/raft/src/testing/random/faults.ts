import { campaign, changeMembers, endOutOfReach, handOver } from "./admin-faults.ts";
import { burst } from "./bursts.ts";
import { failSync, flipBit, misdirect } from "./disk-faults.ts";
import {
  bridge,
  clog,
  cutOneLink,
  haunt,
  isolate,
  lag,
  spoilLink,
  split,
  strand,
} from "./link-faults.ts";
import {
  answerLate,
  driftApart,
  echoOldTerm,
  forget,
  stretchLease,
  usurp,
} from "./lease-faults.ts";
import type { Nemesis } from "./nemesis.ts";
import {
  ambush,
  changeRate,
  crash,
  crashAll,
  flip,
  freezeTicks,
  jumpWall,
  pause,
  slowDisk,
  slowLeaderDisk,
  stop,
} from "./node-faults.ts";
import type { Focus } from "./run-profile.ts";
import { wipe, wipeHolders } from "./wipe-faults.ts";

/** Something that goes wrong now, and is arranged to end later. */
export type Fault = (nemesis: Nemesis) => void;

/** What happens in every run. */
export const OCCASIONAL_FAULTS: readonly Fault[] = [
  split,
  isolate,
  bridge,
  cutOneLink,
  spoilLink,
  clog,
  haunt,
  strand,
  lag,
  ambush,
  burst,
  crash,
  crashAll,
  flip,
  stop,
  pause,
  freezeTicks,
  failSync,
  flipBit,
  misdirect,
  slowDisk,
  jumpWall,
  changeRate,
  handOver,
  campaign,
];

/** What happens as often as all the others together in a run for one kind of fault. */
export const FAULTS_OF_FOCUS: Readonly<Record<Focus, readonly Fault[]>> = {
  loss: [],
  duplication: [haunt],
  reordering: [haunt],
  drift: [driftApart, forget, stretchLease],
  lateAnswers: [answerLate, echoOldTerm],
  transfer: [handOver, usurp],
  members: [changeMembers, changeMembers, endOutOfReach],
  partition: [split, isolate, bridge, cutOneLink],
  clog: [clog],
  conflict: [strand, ambush],
  crash: [crash, flip],
  stop: [stop],
  pause: [pause],
  slowDisk: [slowLeaderDisk],
  logRead: [lag],
  diskFailure: [failSync],
  damage: [flipBit, misdirect],
  wipe: [wipe, wipeHolders],
};
