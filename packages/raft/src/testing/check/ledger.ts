import type { NodeId } from "../../core/message.ts";
import { ensure } from "../sim/sim-failure.ts";

interface CommittedEntry {
  readonly term: number;
  readonly chain: number;
  /** Term in which a node was first seen to know that the entry is committed. */
  readonly commitTerm: number;
}

interface TermRecord {
  readonly leader: NodeId;
  /** Chain of each entry of the leader's log, entry i at i - 1. */
  readonly chains: number[];
}

/** What the cluster as a whole decided, as an observer sees it who looks at every node at once. */
export class Ledger {
  /** Entry i at i - 1. */
  readonly #committed: CommittedEntry[] = [];
  readonly #terms = new Map<number, TermRecord>();
  /** Chain of every (term, index) ever written anywhere. */
  readonly #chains = new Map<number, Map<number, number>>();
  /** Digest of the state after each applied index, entry i at i - 1. */
  readonly #digests: number[] = [];

  /** I1: at most one leader per term. */
  noteLeader(term: number, leader: NodeId, chains: number[]): void {
    const known = this.#terms.get(term);
    ensure(
      known === undefined || known.leader === leader,
      "I1",
      () => `nodes ${String(known?.leader)} and ${leader} both lead term ${term}`,
    );
    this.#terms.set(term, { leader, chains });
  }

  /** The log of the leader of `term`, or null when nobody was seen to lead it. */
  leaderChains(term: number): number[] | null {
    return this.#terms.get(term)?.chains ?? null;
  }

  /** I2: the same (index, term) stands for the same entry after the same predecessors. */
  noteEntry(node: NodeId, index: number, term: number, chain: number): void {
    let ofTerm = this.#chains.get(term);
    if (ofTerm === undefined) {
      ofTerm = new Map();
      this.#chains.set(term, ofTerm);
    }
    const known = ofTerm.get(index);
    ensure(
      known === undefined || known === chain,
      "I2",
      () => `node ${node} holds an entry ${term}:${index} that differs from another node's`,
    );
    ofTerm.set(index, chain);
  }

  /** I4: what is committed at an index never changes. */
  noteCommitted(
    node: NodeId,
    index: number,
    term: number,
    chain: number,
    commitTerm: number,
  ): void {
    const known = this.#committed[index - 1];
    if (known === undefined) {
      ensure(
        index === this.#committed.length + 1,
        "I4",
        () => `index ${index} is committed out of order`,
      );
      this.#committed.push({ term, chain, commitTerm });
      return;
    }
    ensure(
      known.chain === chain,
      "I4",
      () => `node ${node} takes ${term}:${index} as committed, but ${known.term}:${index} was`,
    );
  }

  /** Chain of a committed entry, or null when it is not known to be committed. */
  committedChain(index: number): number | null {
    return this.#committed[index - 1]?.chain ?? null;
  }

  /** Term in which the entry at `index` was first known to be committed; Infinity when it is not. */
  commitTermOf(index: number): number {
    return this.#committed[index - 1]?.commitTerm ?? Infinity;
  }

  /** The last index that was committed in a term below `term`. */
  committedBefore(term: number): number {
    for (let index = this.#committed.length; index > 0; index--) {
      if ((this.#committed[index - 1]?.commitTerm ?? 0) < term) {
        return index;
      }
    }
    return 0;
  }

  /** I7: all nodes go through the same states. */
  noteDigest(node: NodeId, index: number, digest: number): void {
    const known = this.#digests[index - 1];
    ensure(
      known === undefined || known === digest,
      "I7",
      () => `the state of node ${node} at index ${index} differs from another node's`,
    );
    this.#digests[index - 1] = digest;
  }
}
