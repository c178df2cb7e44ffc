import { singleEntry } from "../entry/batch-builder.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType } from "../entry/record.ts";
import { stored, Torn } from "./explored-disk.test.kit.ts";
import { describeMessage, isReply } from "./explored-message.test.kit.ts";
import { nameOf } from "./explored-name.test.kit.ts";
import { type ExploredNode, nodeOf, startCore } from "./explored-node.test.kit.ts";
import {
  check,
  checkDurable,
  checkLogMatching,
  type CommittedEntry,
  committedWith,
} from "./explored-promises.test.kit.ts";
import { type Input, InputKind } from "./input.ts";
import type { Message, NodeId } from "./message.ts";
import { Role } from "./output.ts";

const NO_PAYLOAD = Buffer.alloc(0);

/** How often each thing may still happen. */
export interface Budget {
  /** Nodes that may tick, once for each time they are listed. */
  readonly ticks: readonly NodeId[];
  readonly proposals: number;
  readonly duplicates: number;
  readonly crashes: number;
}

export type Action =
  | { readonly kind: "tick" | "propose" | "persist"; readonly node: ExploredNode }
  | { readonly kind: "crash"; readonly node: ExploredNode; readonly torn: Torn }
  | { readonly kind: "deliver" | "duplicate"; readonly key: number; readonly message: Message };

interface WorldParts {
  readonly nodes: readonly ExploredNode[];
  readonly messages: ReadonlyMap<number, Message>;
  readonly budget: Budget;
  /** Who led in each term. */
  readonly leaders: ReadonlyMap<number, NodeId>;
  /** Every entry that was ever committed anywhere, from index 1. */
  readonly committed: readonly CommittedEntry[];
}

/**
 * Three nodes, their disks, and the messages between them. Immutable: `after` shares whatever an
 * action leaves alone. Messages may be delivered in any order, or never.
 */
export class ExploredWorld {
  readonly #parts: WorldParts;

  private constructor(parts: WorldParts) {
    this.#parts = parts;
  }

  /** Nodes 1, 2, ... with these logs on disk, in these terms. */
  static of(setup: readonly { log: EntryBatch[]; term: number }[], budget: Budget): ExploredWorld {
    const nodes = setup.map(({ log, term }, at) => {
      const disk = { hardState: { term, vote: 0, commitIndex: 0 }, log };
      return nodeOf(startCore(at + 1, disk), disk, []);
    });
    const nothing = { messages: new Map(), leaders: new Map(), committed: [] };
    return new ExploredWorld({ nodes, budget, ...nothing });
  }

  get leaderCount(): number {
    return this.#parts.leaders.size;
  }

  get committedCount(): number {
    return this.#parts.committed.length;
  }

  actions(): Action[] {
    const { nodes, messages, budget } = this.#parts;
    const actions: Action[] = [];
    for (const node of nodes) {
      if (budget.ticks.includes(node.core.id)) {
        actions.push({ kind: "tick", node });
      }
      if (budget.proposals > 0 && node.core.role === Role.leader) {
        actions.push({ kind: "propose", node });
      }
      if (node.pending.length > 0) {
        actions.push({ kind: "persist", node });
      }
      if (budget.crashes > 0) {
        for (const torn of node.pending.length > 0 ? Object.values(Torn) : [Torn.nothing]) {
          actions.push({ kind: "crash", node, torn });
        }
      }
    }
    for (const [key, message] of messages) {
      actions.push({ kind: "deliver", key, message });
      if (budget.duplicates > 0) {
        actions.push({ kind: "duplicate", key, message });
      }
    }
    return actions;
  }

  /**
   * The world after `action`; null when the action changed nothing worth looking at. Throws when a
   * promise of the algorithm is broken.
   */
  after(action: Action): ExploredWorld | null {
    const { budget } = this.#parts;
    switch (action.kind) {
      case "tick": {
        const ticks = budget.ticks.toSpliced(budget.ticks.indexOf(action.node.core.id), 1);
        return this.#spend({ ticks }).#step(action.node, { kind: InputKind.tick });
      }
      case "propose":
        return this.#spend({ proposals: budget.proposals - 1 }).#propose(action.node);
      case "persist":
        return this.#persist(action.node);
      case "crash":
        return this.#spend({ crashes: budget.crashes - 1 }).#crash(action.node, action.torn);
      case "deliver":
        return this.#deliver(action.key, action.message, false);
      case "duplicate": {
        const world = this.#spend({ duplicates: budget.duplicates - 1 });
        return world.#deliver(action.key, action.message, true);
      }
    }
  }

  /** Equal for equal worlds. */
  digest(): string {
    const { nodes, messages, budget, leaders, committed } = this.#parts;
    const parts = nodes.map((node) => node.name);
    parts.push(...[...messages.keys()].toSorted((a, b) => a - b), -1, ...budget.ticks, -1);
    parts.push(budget.proposals, budget.duplicates, budget.crashes);
    for (const [term, leader] of leaders) {
      parts.push(term, leader);
    }
    for (const { term, inTerm } of committed) {
      parts.push(-term, -inTerm);
    }
    return parts.join(" ");
  }

  #with(changed: Partial<WorldParts>): ExploredWorld {
    return new ExploredWorld({ ...this.#parts, ...changed });
  }

  #spend(spent: Partial<Budget>): ExploredWorld {
    return this.#with({ budget: { ...this.#parts.budget, ...spent } });
  }

  #withNode(node: ExploredNode): ExploredWorld {
    return this.#with({ nodes: this.#parts.nodes.with(node.core.id - 1, node) });
  }

  #propose(node: ExploredNode): ExploredWorld {
    const { lastIndex, term, lastChain } = node.core;
    const batch = singleEntry(EntryType.normal, NO_PAYLOAD, lastIndex + 1, term, 0, lastChain);
    return this.#step(node, { kind: InputKind.propose, batch });
  }

  #persist({ core, disk, pending }: ExploredNode): ExploredWorld {
    const [write, ...rest] = pending;
    if (write === undefined) {
      throw new Error("nothing is pending");
    }
    const node = nodeOf(core, stored(disk, write, Torn.all), rest);
    return this.#withNode(node).#step(node, { kind: InputKind.persisted, io: write.io });
  }

  #crash({ core, disk, pending }: ExploredNode, torn: Torn): ExploredWorld {
    const [write] = pending;
    const left = write === undefined ? disk : stored(disk, write, torn);
    const node = nodeOf(startCore(core.id, left), left, []);
    return this.#withNode(node).#checked(node);
  }

  #deliver(key: number, message: Message, keep: boolean): ExploredWorld | null {
    const messages = new Map(this.#parts.messages);
    if (!keep) {
      messages.delete(key);
    }
    const before = this.#parts.nodes.find(({ core }) => core.id === message.to);
    if (before === undefined) {
      throw new Error("messages go to nodes of the world");
    }
    const world = this.#with({ messages });
    const after = world.#step(before, { kind: InputKind.message, message });
    const isUnchanged = after.#parts.nodes.includes(before);
    return isUnchanged && after.#parts.messages.size === messages.size ? null : after;
  }

  #step(before: ExploredNode, input: Input): ExploredWorld {
    const core = before.core.clone();
    core.step(input, 0, 0);
    const output = core.take();
    core.assertInvariants();
    const messages = new Map(this.#parts.messages);
    for (const message of output.messages) {
      checkDurable(core, before.disk, message);
      messages.set(nameOf(describeMessage(message)), message);
    }
    for (const [key, message] of messages) {
      if (message.to === core.id && isReply(message) && message.term < core.term) {
        // Nobody reads the answer to a question of an earlier term.
        messages.delete(key);
      }
    }
    const { write } = output;
    const pending = write === null ? before.pending : [...before.pending, write];
    const after = nodeOf(core, before.disk, pending);
    const node = after.name === before.name ? before : after;
    return this.#with({ messages }).#withNode(node).#checked(node);
  }

  /** The promises that concern `node`, whose state has just changed. */
  #checked({ core }: ExploredNode): ExploredWorld {
    for (const node of this.#parts.nodes) {
      checkLogMatching(core, node.core);
    }
    const committed = committedWith(core, this.#parts.nodes, this.#parts.committed);
    let { leaders } = this.#parts;
    if (core.role === Role.leader) {
      const known = leaders.get(core.term);
      check(known === undefined || known === core.id, "one leader a term");
      leaders = known === undefined ? new Map(leaders).set(core.term, core.id) : leaders;
    }
    for (const { core: leader } of this.#parts.nodes) {
      if (leader.role === Role.leader) {
        for (const [at, entry] of committed.entries()) {
          const isLater = leader.term > entry.inTerm;
          check(!isLater || leader.termAt(at + 1) === entry.term, "a leader has what is committed");
        }
      }
    }
    return this.#with({ leaders, committed });
  }
}
