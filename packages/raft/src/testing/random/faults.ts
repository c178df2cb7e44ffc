import { burst } from "./bursts.ts";
import { cutOneLink, haunt, isolate, lag, spoilLink, split, strand } from "./link-faults.ts";
import { driftApart, forget } from "./lease-faults.ts";
import type { Nemesis } from "./nemesis.ts";
import {
  ambush,
  changeRate,
  crash,
  crashAll,
  flip,
  jumpWall,
  pause,
  slowDisk,
  slowLeaderDisk,
  stop,
} from "./node-faults.ts";
import type { Focus } from "./run-profile.ts";

/** Something that goes wrong now, and is arranged to end later. */
export type Fault = (nemesis: Nemesis) => void;

/** What happens in every run. */
export const OCCASIONAL_FAULTS: readonly Fault[] = [
  split,
  isolate,
  cutOneLink,
  spoilLink,
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
  slowDisk,
  jumpWall,
  changeRate,
];

/** What happens as often as all the others together in a run for one kind of fault. */
export const FAULTS_OF_FOCUS: Readonly<Record<Focus, readonly Fault[]>> = {
  loss: [],
  duplication: [haunt],
  reordering: [haunt],
  drift: [driftApart, forget],
  partition: [split, isolate, cutOneLink],
  conflict: [strand, ambush],
  crash: [crash, flip],
  stop: [stop],
  pause: [pause],
  slowDisk: [slowLeaderDisk],
  logRead: [lag],
};
