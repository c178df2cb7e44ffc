import type { Configuration } from "../../core/membership.ts";
import { Role } from "../../core/output.ts";
import { ensure } from "../sim/sim-failure.ts";
import type { SimNode } from "../sim/sim-node.ts";

/** A rise of the commit index, noted when it happened and checked when the output is taken. */
export interface CommitAdvance {
  readonly from: number;
  readonly to: number;
  readonly term: number;
  readonly isLeader: boolean;
  /** Active on the node when the index rose. */
  readonly configuration: Configuration;
}

/** What one node showed so far: I5 and I8. */
export class NodeWatch {
  /** Last term in which the node was seen to lead. */
  ledTerm = 0;
  #term = 0;
  #vote = 0;
  /** Commit index when the output was taken last. */
  takenCommitIndex = 0;
  #commitIndex = 0;
  #appliedIndex = 0;
  #advances: CommitAdvance[] = [];

  get commitIndex(): number {
    return this.#commitIndex;
  }

  started(node: SimNode): void {
    const { core, id } = node;
    const { hardState, lastIndex } = node.disk.durable;
    ensure(
      core.term === hardState.term && core.vote === hardState.vote,
      "I5",
      () =>
        `node ${id} starts with term ${core.term}, vote ${core.vote}; its disk says ` +
        `${hardState.term}, ${hardState.vote}`,
    );
    ensure(
      core.commitIndex >= Math.min(hardState.commitIndex, lastIndex) &&
        core.commitIndex <= lastIndex,
      "I5",
      () =>
        `node ${id} starts with commit ${core.commitIndex}; its disk says ${hardState.commitIndex}`,
    );
    this.#term = core.term;
    this.#vote = core.vote;
    this.takenCommitIndex = 0;
    this.#commitIndex = 0;
    this.#appliedIndex = 0;
    this.#noteCommit(node);
  }

  stepped(node: SimNode): void {
    const { core, id } = node;
    ensure(
      core.term >= this.#term,
      "I5",
      () => `node ${id} goes back from term ${this.#term} to ${core.term}`,
    );
    ensure(
      core.term > this.#term || this.#vote === 0 || core.vote === this.#vote,
      "I5",
      () => `node ${id} changes its vote in term ${core.term} from ${this.#vote} to ${core.vote}`,
    );
    ensure(
      core.commitIndex >= this.#commitIndex,
      "I5",
      () => `node ${id} goes back from commit ${this.#commitIndex} to ${core.commitIndex}`,
    );
    ensure(
      core.appliedIndex >= this.#appliedIndex,
      "I5",
      () => `node ${id} goes back from applied ${this.#appliedIndex} to ${core.appliedIndex}`,
    );
    ensure(
      core.appliedIndex <= core.commitIndex && core.commitIndex <= core.lastIndex,
      "I8",
      () =>
        `node ${id} has applied ${core.appliedIndex}, commit ${core.commitIndex}, last ${core.lastIndex}`,
    );
    this.#term = core.term;
    this.#vote = core.vote;
    this.#appliedIndex = core.appliedIndex;
    this.#noteCommit(node);
  }

  /** The rises of the commit index since the last call. */
  takeAdvances(): CommitAdvance[] {
    const advances = this.#advances;
    this.#advances = [];
    this.takenCommitIndex = this.#commitIndex;
    return advances;
  }

  died(): void {
    this.ledTerm = 0;
    this.#advances = [];
  }

  #noteCommit(node: SimNode): void {
    const { core } = node;
    if (core.commitIndex > this.#commitIndex) {
      const from = this.#commitIndex;
      const isLeader = core.role === Role.leader;
      const { commitIndex: to, term, configuration } = core;
      this.#advances.push({ from, to, term, isLeader, configuration });
      this.#commitIndex = core.commitIndex;
    }
  }
}
