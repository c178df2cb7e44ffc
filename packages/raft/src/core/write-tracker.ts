import { invariant } from "./invariant.ts";
import type { LogBase } from "./log-state.ts";

/**
 * What of the log and of the hard state is on disk, on its way, or not yet handed out.
 *
 * durableIndex <= issuedIndex <= lastIndex of the log; durableSequence <= issuedSequence
 *
 * A position can be rewritten while an older write to it is still on its way. So a pending write
 * remembers up to where the log as it is now is contained in it, and a truncation lowers that:
 * when the old write becomes durable it proves nothing about the new entries.
 */
export class WriteTracker {
  /** Sequence of the last write handed out. */
  issuedSequence = 0;
  durableSequence = 0;
  /** The write that carries the present (term, vote); 0 = it was on disk at the start. */
  hardStateSequence = 0;
  /** Last entry that a write handed out contains. */
  issuedIndex: number;
  durableIndex: number;
  /** Where the next write must cut the log before it adds entries; 0 = nowhere. */
  truncateFrom = 0;
  /** The entry after which the next write must begin the log anew; null = it goes on. */
  base: LogBase | null = null;
  /** With `base`: the commit index that the disk as it was until now may be told. */
  baseCommitIndex = 0;
  /** Writes handed out and not durable yet, oldest first; indexes do not descend. */
  readonly pendingSequences: number[] = [];
  readonly pendingIndexes: number[] = [];

  constructor(lastIndex: number) {
    this.issuedIndex = lastIndex;
    this.durableIndex = lastIndex;
  }

  get isHardStateDurable(): boolean {
    return this.hardStateSequence <= this.durableSequence;
  }

  /** (term, vote) changed since the last write was handed out. */
  get isHardStateDirty(): boolean {
    return this.hardStateSequence > this.issuedSequence;
  }

  hardStateChanged(): void {
    this.hardStateSequence = this.issuedSequence + 1;
  }

  /** The log starts over after `base`; nothing of it is durable, `base` itself included. */
  reset(base: LogBase, commitIndex: number): void {
    const before = base.index - 1;
    if (this.base === null) {
      this.baseCommitIndex = commitIndex;
    }
    this.base = { index: base.index, term: base.term, chain: base.chain };
    this.truncateFrom = 0;
    this.issuedIndex = before;
    this.durableIndex = before;
    this.pendingIndexes.fill(before);
  }

  truncated(index: number): void {
    if (index <= this.issuedIndex) {
      this.truncateFrom = index;
      this.issuedIndex = index - 1;
    }
    if (index <= this.durableIndex) {
      this.durableIndex = index - 1;
    }
    const pending = this.pendingIndexes;
    for (let i = pending.length - 1; i >= 0 && (pending[i] as number) >= index; i--) {
      pending[i] = index - 1;
    }
  }

  /** A write with everything up to `lastIndex` is handed out. */
  issue(lastIndex: number): number {
    this.issuedSequence++;
    this.issuedIndex = lastIndex;
    this.truncateFrom = 0;
    this.base = null;
    this.pendingSequences.push(this.issuedSequence);
    this.pendingIndexes.push(lastIndex);
    return this.issuedSequence;
  }

  persisted(sequence: number): void {
    invariant(sequence <= this.issuedSequence, "only a write that was handed out becomes durable");
    let count = 0;
    while (
      count < this.pendingSequences.length &&
      (this.pendingSequences[count] as number) <= sequence
    ) {
      this.durableIndex = Math.max(this.durableIndex, this.pendingIndexes[count] as number);
      count++;
    }
    this.pendingSequences.splice(0, count);
    this.pendingIndexes.splice(0, count);
    this.durableSequence = Math.max(this.durableSequence, sequence);
  }

  /** The write whose durability makes everything up to `index` durable; 0 = it is already. */
  sequenceCovering(index: number): number {
    if (index <= this.durableIndex) {
      return 0;
    }
    let covering = this.issuedSequence + 1;
    for (let i = this.pendingIndexes.length - 1; i >= 0; i--) {
      if ((this.pendingIndexes[i] as number) < index) {
        break;
      }
      covering = this.pendingSequences[i] as number;
    }
    return covering;
  }

  clone(): WriteTracker {
    const copy = new WriteTracker(this.issuedIndex);
    copy.issuedSequence = this.issuedSequence;
    copy.durableSequence = this.durableSequence;
    copy.hardStateSequence = this.hardStateSequence;
    copy.durableIndex = this.durableIndex;
    copy.truncateFrom = this.truncateFrom;
    copy.base = this.base;
    copy.baseCommitIndex = this.baseCommitIndex;
    copy.pendingSequences.push(...this.pendingSequences);
    copy.pendingIndexes.push(...this.pendingIndexes);
    return copy;
  }

  assertInvariants(lastIndex: number): void {
    invariant(this.durableIndex <= this.issuedIndex, "only issued entries are durable");
    invariant(this.issuedIndex <= lastIndex, "only entries of the log were issued");
    invariant(this.durableSequence <= this.issuedSequence, "only issued writes are durable");
    invariant(
      this.hardStateSequence <= this.issuedSequence + 1,
      "one write carries the hard state",
    );
    invariant(
      this.truncateFrom === 0 || this.truncateFrom > this.issuedIndex,
      "a pending truncation cuts nothing that the log still has",
    );
    for (let i = 1; i < this.pendingIndexes.length; i++) {
      invariant(
        (this.pendingIndexes[i - 1] as number) <= (this.pendingIndexes[i] as number),
        "a later write contains at least what an earlier one does",
      );
    }
  }
}
