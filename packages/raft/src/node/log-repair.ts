import type { ConfigEntry } from "../core/log-state.ts";
import type { NodeId } from "../core/message.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { decodeConfigPayload } from "../entry/config-payload.ts";
import { RaftError } from "../errors.ts";
import { configsOf } from "../log/batch-configs.ts";
import type { DamagedRange, LogState } from "../log/raft-log.ts";
import type { SnapshotMeta } from "../log/snapshot-store.ts";
import { isUndecided } from "./damage-verdict.ts";
import { answerFetch, type EntryAnswer, type EntryRequest, FetchResult } from "./entry-fetch.ts";
import type { GroupConfig, GroupDeps, Member } from "./group-config.ts";
import type { TransportReceiver } from "./transport.ts";

/** Bytes asked for at once. */
const FETCH_BYTES = 1 << 20;
const RETRY_MS = 500;

/**
 * A member whose log has lost entries that it may have acknowledged. Until it has them again it takes part
 * in nothing: it neither votes nor acknowledges nor campaigns, and only asks the other members for what is
 * missing, and gives them what it has itself. The chain at both ends of what is missing tells the entries
 * that were there from all others, so that it does not matter who sends them, or whether they are committed.
 */
export class LogRepair<R> implements TransportReceiver {
  readonly #config: GroupConfig<R>;
  readonly #deps: GroupDeps;
  /** This node's own, newest first. */
  readonly #snapshots: readonly SnapshotMeta[];
  /** CONFIG entries of ranges that are filled: the log tells of them only when it is whole. */
  readonly #filled: ConfigEntry[] = [];
  #state: LogState;

  constructor(
    config: GroupConfig<R>,
    deps: GroupDeps,
    state: LogState,
    snapshots: readonly SnapshotMeta[],
  ) {
    this.#config = config;
    this.#deps = deps;
    this.#state = state;
    this.#snapshots = snapshots;
  }

  onMessage(): void {
    // Who does not know what it has acknowledged has no say.
  }

  onUnreachable(): void {
    // Asking again is what it does anyway.
  }

  onFetch(request: EntryRequest): Promise<EntryAnswer> {
    return answerFetch(this.#config.log, this.#state.lastIndex, request);
  }

  /**
   * Resolves to the state of the repaired log. Rejects with DT_RAFT_LOG_DAMAGED when every other member has
   * said that it cannot help, and goes on answering those that miss something else; with DT_RAFT_GROUP_STOPPED when the server closes before, and with the log's
   * error when that cannot take the entries.
   */
  async run(): Promise<LogState> {
    const { transport, logger } = this.#deps;
    const { groupId, nodeId } = this.#config;
    transport.register(groupId, this);
    transport.setMembers(groupId, this.#members());
    try {
      for (const range of this.#state.damaged ?? []) {
        logger.error({ groupId, nodeId, ...range }, "entries are damaged, asking the others");
        if (!(await this.#fill(range))) {
          break;
        }
        transport.setMembers(groupId, this.#members());
      }
    } catch (error) {
      if (!isHopeless(error)) {
        transport.unregister(groupId);
      }
      throw error;
    }
    transport.unregister(groupId);
    logger.info({ groupId, nodeId, lastIndex: this.#state.lastIndex }, "the log is whole again");
    return this.#state;
  }

  /**
   * Asks one member after the other, round after round, until the range is filled; false when it was dropped instead,
   * with all behind it.
   */
  async #fill(range: DamagedRange): Promise<boolean> {
    for (;;) {
      const results = new Map<NodeId, FetchResult>();
      for (const peer of this.#peers()) {
        if (await this.#fillFrom(peer, range, results)) {
          return true;
        }
      }
      const { log } = this.#config;
      const { groupId, nodeId, members } = this.#config;
      const state = { ...this.#state, configs: this.#configs() };
      const known = { nodeId, start: members, state, snapshots: this.#snapshots };
      if (log.cutDamage !== undefined && isUndecided(range, results, known)) {
        this.#deps.logger.warn({ groupId, nodeId, ...range }, "nobody had them, dropping them");
        this.#state = await log.cutDamage();
        return false;
      }
      if (results.size === 0 || ![...results.values()].includes(FetchResult.unknown)) {
        throw this.#hopeless(range, results);
      }
      await this.#pause();
    }
  }

  /** Takes all that one member has for a range; true when that was everything. */
  async #fillFrom(
    peer: NodeId,
    range: DamagedRange,
    results: Map<NodeId, FetchResult>,
  ): Promise<boolean> {
    const { log } = this.#config;
    const { lastIndex } = range;
    let { firstIndex, prevChain } = range;
    let given: FetchResult | null = null;
    const configs: ConfigEntry[] = [];
    while (firstIndex <= lastIndex) {
      const request = { firstIndex, lastIndex, prevChain, maxBytes: FETCH_BYTES };
      const { result, batches } = await this.#ask(peer, request);
      const last = batches.at(-1);
      if (result !== FetchResult.entries || last === undefined) {
        // Who has the beginning may have what this node has promised to keep of it.
        results.set(peer, result === FetchResult.absent ? (given ?? result) : result);
        return false;
      }
      given ??= this.#isOther(range, batches) ? FetchResult.absent : FetchResult.entries;
      try {
        this.#state = (await log.repair?.(batches)) ?? this.#state;
      } catch (error) {
        // It follows what is before the gap and does not lead to what is behind it: another history, in the end.
        if (error instanceof Error && "code" in error && error.code === "DT_LOG_GAP") {
          results.set(peer, given);
          return false;
        }
        throw error;
      }
      configs.push(...batches.flatMap(configsOf));
      firstIndex = last.lastIndex + 1;
      prevChain = last.chain;
    }
    this.#filled.push(...configs);
    return true;
  }

  /** Whether entries that do not lead to the range's end differ from those that stood there from the first one on. */
  #isOther(range: DamagedRange, [first]: readonly EntryBatch[]): boolean {
    const { term } = this.#state.hardState;
    return range.firstIndex === range.lastIndex || (first !== undefined && first.term > term);
  }

  async #ask(peer: NodeId, request: EntryRequest): Promise<EntryAnswer> {
    const { transport, closing } = this.#deps;
    const { groupId } = this.#config;
    const nothing = { result: FetchResult.unknown, batches: [] };
    if (closing?.aborted !== true) {
      const asked = transport.fetch?.(groupId, peer, request);
      // Not reachable, or not there yet: the next round asks again.
      const answer = asked?.catch(() => nothing) ?? nothing;
      const heard = await this.#unlessClosing(answer);
      if (heard !== null) {
        return heard;
      }
    }
    throw new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId, taken: false });
  }

  /** What it comes to; null when the server closes before: that does not wait for a member that hangs. */
  async #unlessClosing<T>(coming: T | Promise<T>): Promise<T | null> {
    const { closing } = this.#deps;
    const { promise, resolve } = Promise.withResolvers<null>();
    const end = (): void => resolve(null);
    closing?.addEventListener("abort", end);
    try {
      return await Promise.race([coming, promise]);
    } finally {
      closing?.removeEventListener("abort", end);
    }
  }

  /** Every other node that is or was to be a member, as far as this node knows. */
  #peers(): NodeId[] {
    const { nodeId } = this.#config;
    const ids = this.#members().map((member) => member.nodeId);
    return ids.filter((id) => id !== nodeId);
  }

  /** With the newest address of each. */
  #members(): Member[] {
    const known = new Map(this.#config.members.map((member) => [member.nodeId, member]));
    const ofSnapshots = this.#snapshots.filter(({ membershipIndex }) => membershipIndex > 0);
    const payloads = ofSnapshots.map(({ membership }) => membership).toReversed();
    for (const payload of [...payloads, ...this.#configs().map((each) => each.payload)]) {
      for (const member of decodeConfigPayload(payload).members) {
        known.set(member.nodeId, member);
      }
    }
    return [...known.values()];
  }

  /** Those of the log, ascending. */
  #configs(): ConfigEntry[] {
    return [...this.#state.configs, ...this.#filled].toSorted((a, b) => a.index - b.index);
  }

  #hopeless(range: DamagedRange, results: ReadonlyMap<NodeId, FetchResult>): RaftError {
    const names = Object.entries(FetchResult);
    const answers = [...results].map(([peer, result]) => {
      const name = names.find(([, value]) => value === result)?.[0] ?? "";
      return `node ${peer}: ${name}`;
    });
    const { firstIndex, lastIndex, prevTerm: term, file, offset } = range;
    const where = { firstIndex, lastIndex, term, file, offset };
    const { groupId } = this.#config;
    return new RaftError({ code: "DT_RAFT_LOG_DAMAGED", groupId, ...where, answers });
  }

  async #pause(): Promise<void> {
    const { clock, closing } = this.#deps;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clock.clearTimer(timer);
        closing?.removeEventListener("abort", end);
        resolve();
      };
      const timer = clock.setTimer(clock.nowMs() + RETRY_MS, end);
      closing?.addEventListener("abort", end);
    });
  }
}

/** True when no other member can help; the log stays open for those that this one can help. */
export function isHopeless(error: unknown): boolean {
  return error instanceof RaftError && error.code === "DT_RAFT_LOG_DAMAGED";
}
