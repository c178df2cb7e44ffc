import { type Disk, storedTerm } from "./explored-disk.test.kit.ts";
import type { ExploredNode } from "./explored-node.test.kit.ts";
import { type Message, MessageKind } from "./message.ts";
import { Role } from "./output.ts";
import type { RaftCore } from "./raft-core.ts";

export interface CommittedEntry {
  readonly term: number;
  /** Term of the leader that committed it. */
  readonly inTerm: number;
}

export function check(holds: boolean, promise: string): void {
  if (!holds) {
    throw new Error(`broken promise: ${promise}`);
  }
}

/** Votes and acks never leave before what they promise is on disk. */
export function checkDurable(core: RaftCore, disk: Disk, message: Message): void {
  const { term, vote } = disk.hardState;
  if (message.kind === MessageKind.vote) {
    check(term === message.term && vote === core.id, "the own vote is on disk");
  }
  if (message.kind === MessageKind.voteReply && message.granted) {
    check(term === message.term && vote === message.to, "a granted vote is on disk");
  }
  if (message.kind === MessageKind.appendReply && message.accepted) {
    check(term === message.term, "the term of an ack is on disk");
    for (let index = 1; index <= message.index; index++) {
      check(storedTerm(disk, index) === core.termAt(index), "acknowledged entries are on disk");
    }
  }
}

/** Equal (index, term) in two logs means that the logs are equal up to there. */
export function checkLogMatching(a: RaftCore, b: RaftCore): void {
  let index = Math.min(a.lastIndex, b.lastIndex);
  while (index > 0 && a.termAt(index) !== b.termAt(index)) {
    index--;
  }
  for (; index > 0; index--) {
    check(a.termAt(index) === b.termAt(index), "equal entries have equal histories");
  }
}

/** `committed` with what `core` has committed beyond it. */
export function committedWith(
  core: RaftCore,
  nodes: readonly ExploredNode[],
  committed: readonly CommittedEntry[],
): readonly CommittedEntry[] {
  for (const [at, entry] of committed.slice(0, core.commitIndex).entries()) {
    check(core.termAt(at + 1) === entry.term, "a committed entry never changes");
  }
  if (core.commitIndex <= committed.length) {
    return committed;
  }
  check(core.role === Role.leader, "leaders commit first");
  const more = [...committed];
  while (more.length < core.commitIndex) {
    const index = more.length + 1;
    const term = core.termAt(index);
    const holders = nodes.filter(({ disk }) => storedTerm(disk, index) === term);
    check(holders.length * 2 > nodes.length, "what is committed is on a quorum of disks");
    more.push({ term, inTerm: core.term });
  }
  return more;
}
