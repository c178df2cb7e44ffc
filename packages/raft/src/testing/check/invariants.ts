import type { Message, NodeId } from "../../core/message.ts";
import type { Configuration } from "../../core/membership.ts";
import { Role, type Write } from "../../core/output.ts";
import { checkDurability } from "./durability-rule.ts";
import { Ledger } from "./ledger.ts";
import { type CommitAdvance, NodeWatch } from "./node-watch.ts";
import { ensure } from "../sim/sim-failure.ts";
import type { SimNode } from "../sim/sim-node.ts";
import type { StepWatch } from "../sim/step-watch.ts";

export interface InvariantLimits {
  readonly windowAppends: number;
  /** Leases exclude each other: clocks drift within the bound. */
  readonly leasesHold: boolean;
}

/**
 * The rules that hold after every step of every run. A broken one throws a `SimFailure` with the
 * rule's name:
 *
 * - I1 one leader per term
 * - I2 the same (index, term) is the same entry with the same log before it
 * - I3 the leader of a term holds every entry committed in an earlier term
 * - I4 a committed index never changes; a node that lags may still drop its copy when a leader of
 *   before the commit tells it to
 * - I5 term, vote, commit and applied index never go back, see `NodeWatch`
 * - I6 a leader commits what a quorum of the active configuration (of each half of a joint one) holds
 *   durably, and only entries of its own term
 * - I7 every node applies the same entries in the same order and gets the same states
 * - I8 applied <= commit <= last
 * - I9 no vote, candidacy or ack leaves before its write is durable, see `checkDurability`
 * - I10 match < next, and no more appends under way than the window allows
 * - lease: no node is elected in a later term while a lease runs
 */
export class Invariants implements StepWatch {
  readonly ledger = new Ledger();
  readonly #nodes: readonly SimNode[];
  readonly #limits: InvariantLimits;
  readonly #watches = new Map<NodeId, NodeWatch>();
  /** Steps checked so far. */
  steps = 0;
  elections = 0;
  truncations = 0;
  /** Commits by a leader whose own disk did not hold the entry yet. */
  commitsAheadOfDisk = 0;

  constructor(nodes: readonly SimNode[], limits: InvariantLimits) {
    this.#nodes = nodes;
    this.#limits = limits;
  }

  get quorum(): number {
    return Math.floor(this.#nodes.length / 2) + 1;
  }

  started(node: SimNode): void {
    const { issued } = node.disk;
    for (let i = 1; i <= issued.lastIndex; i++) {
      this.ledger.noteEntry(node.id, i, issued.termAt(i), issued.chainAt(i));
    }
    this.#watch(node).started(node);
  }

  stepped(node: SimNode): void {
    this.steps++;
    const { core } = node;
    const watch = this.#watch(node);
    core.assertInvariants();
    watch.stepped(node);
    if (core.role === Role.leader) {
      if (watch.ledTerm !== core.term) {
        watch.ledTerm = core.term;
        this.#elected(node);
      }
      this.#checkProgress(node);
    }
  }

  writing(node: SimNode, { truncateFrom, batches }: Write): void {
    if (truncateFrom === 0) {
      return;
    }
    this.truncations++;
    const isOwnCommit = truncateFrom <= this.#watch(node).takenCommitIndex;
    const isCommitted =
      this.ledger.committedChain(truncateFrom) === node.disk.issued.chainAt(truncateFrom) &&
      this.ledger.commitTermOf(truncateFrom) <= (batches[0]?.term ?? Infinity);
    ensure(
      !isOwnCommit && !isCommitted,
      "I4",
      () => `node ${node.id} drops the committed entry at ${truncateFrom}`,
    );
  }

  wrote(node: SimNode, write: Write): void {
    const { issued } = node.disk;
    for (const batch of write.batches) {
      for (let i = batch.firstIndex; i <= batch.lastIndex && i <= issued.lastIndex; i++) {
        this.ledger.noteEntry(node.id, i, issued.termAt(i), issued.chainAt(i));
      }
    }
  }

  sending(node: SimNode, message: Message): void {
    checkDurability(node, message, this.ledger);
  }

  taken(node: SimNode): void {
    const { core } = node;
    const { issued } = node.disk;
    ensure(
      core.lastIndex === issued.lastIndex && core.lastChain === issued.lastChain,
      "write",
      () =>
        `the log of node ${node.id} ends at ${core.lastIndex}, its writes at ${issued.lastIndex}`,
    );
    const watch = this.#watch(node);
    if (core.role === Role.leader) {
      const chains = this.ledger.leaderChains(core.term) ?? [];
      for (let i = chains.length + 1; i <= issued.lastIndex; i++) {
        chains.push(issued.chainAt(i));
      }
    }
    for (const advance of watch.takeAdvances()) {
      this.#committed(node, advance.from, advance.to, advance.term);
      if (advance.isLeader) {
        this.#checkQuorum(node, advance);
      }
    }
  }

  applied(node: SimNode, index: number, term: number, digest: number): void {
    const { issued } = node.disk;
    ensure(
      index <= this.#watch(node).commitIndex,
      "I8",
      () => `node ${node.id} applies ${index} early`,
    );
    ensure(
      issued.termAt(index) === term && issued.chainAt(index) === this.ledger.committedChain(index),
      "I7",
      () => `node ${node.id} applies at ${index} what is not committed there`,
    );
    this.ledger.noteDigest(node.id, index, digest);
  }

  died(node: SimNode): void {
    this.#watch(node).died();
  }

  #watch(node: SimNode): NodeWatch {
    let watch = this.#watches.get(node.id);
    if (watch === undefined) {
      watch = new NodeWatch();
      this.#watches.set(node.id, watch);
    }
    return watch;
  }

  #elected(node: SimNode): void {
    const { core, id } = node;
    const { term } = core;
    this.elections++;
    const votes = this.#idsOf(({ disk }) => disk.firstVote(term) === id);
    ensure(
      isQuorum(core.configuration, votes),
      "I9",
      () =>
        `node ${id} leads term ${term}, but only the disks of ${String(votes)} hold a vote for it`,
    );
    const { issued } = node.disk;
    const chains: number[] = [];
    for (let i = 1; i <= issued.lastIndex; i++) {
      chains.push(issued.chainAt(i));
    }
    this.ledger.noteLeader(term, id, chains);
    const committed = this.ledger.committedBefore(term);
    ensure(
      committed === 0 || chains[committed - 1] === this.ledger.committedChain(committed),
      "I3",
      () => `node ${id} leads term ${term} without the committed entry at ${committed}`,
    );
    this.#checkLeases(node);
  }

  /** An election of a past term, by answers that came late, decides nothing any more. */
  #checkLeases(elected: SimNode): void {
    const { term } = elected.core;
    for (const node of this.#nodes) {
      if (this.#limits.leasesHold && node.isUp && node.core.isReadable && node.core.term < term) {
        ensure(
          node.clock.nowMs() >= node.core.leaseUntilMs(),
          "lease",
          () =>
            `node ${elected.id} is elected in term ${term} while node ${node.id} holds a lease of ` +
            `term ${node.core.term}`,
        );
      }
    }
  }

  #committed(node: SimNode, from: number, to: number, commitTerm: number): void {
    const { issued } = node.disk;
    for (let i = from + 1; i <= to; i++) {
      this.ledger.noteCommitted(node.id, i, issued.termAt(i), issued.chainAt(i), commitTerm);
    }
  }

  #checkQuorum(leader: SimNode, { to: index, term, configuration }: CommitAdvance): void {
    const chain = leader.disk.issued.chainAt(index);
    if (leader.disk.durable.lastIndex < index) {
      this.commitsAheadOfDisk++;
    }
    const holders = this.#idsOf(({ disk }) => disk.holds(index, chain));
    ensure(
      isQuorum(configuration, holders),
      "I6",
      () =>
        `node ${leader.id} commits ${index} in term ${term}, but only the disks of ` +
        `${String(holders)} hold it`,
    );
    ensure(
      leader.disk.issued.termAt(index) === term,
      "I6",
      () => `node ${leader.id} commits ${index} of an earlier term than its own, ${term}`,
    );
  }

  #idsOf(holds: (node: SimNode) => boolean): NodeId[] {
    return this.#nodes.filter(holds).map(({ id }) => id);
  }

  #checkProgress(node: SimNode): void {
    for (const { id, matchIndex, nextIndex, inflightAppends } of node.core.progress()) {
      ensure(
        matchIndex < nextIndex && inflightAppends <= this.#limits.windowAppends,
        "I10",
        () =>
          `node ${node.id} has follower ${id} at match ${matchIndex}, next ${nextIndex}, ` +
          `${inflightAppends} appends under way`,
      );
    }
  }
}

/** Counted by hand, not as the core counts. */
function isQuorum({ voters, nextVoters }: Configuration, ids: readonly NodeId[]): boolean {
  return [voters, nextVoters].every((half) => {
    const inHalf = half.filter((id) => ids.includes(id)).length;
    return half.length === 0 || inHalf * 2 > half.length;
  });
}
