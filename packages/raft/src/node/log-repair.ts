import type { NodeId } from "../core/message.ts";
import { decodeConfigPayload } from "../entry/config-payload.ts";
import { RaftError } from "../errors.ts";
import type { DamagedRange, LogState } from "../log/raft-log.ts";
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
  #state: LogState;

  constructor(config: GroupConfig<R>, deps: GroupDeps, state: LogState) {
    this.#config = config;
    this.#deps = deps;
    this.#state = state;
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
      for (let range = this.#firstGap(); range !== null; range = this.#firstGap()) {
        logger.error({ groupId, nodeId, ...range }, "entries are damaged, asking the others");
        await this.#fill(range);
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

  #firstGap(): DamagedRange | null {
    return this.#state.damaged?.[0] ?? null;
  }

  /** Asks one member after the other, round after round, until all gaps of the range's log are filled. */
  async #fill(range: DamagedRange): Promise<void> {
    for (;;) {
      const results = new Map<NodeId, FetchResult>();
      for (const peer of this.#peers()) {
        const result = await this.#fillFrom(peer);
        results.set(peer, result);
        if (result === FetchResult.entries) {
          return;
        }
      }
      const { log } = this.#config;
      const said = new Set(results.values());
      if (said.size === 1 && said.has(FetchResult.absent) && log.cutDamage !== undefined) {
        // A commit takes a majority, which would have said that it has them, or this node's new word.
        const { groupId, nodeId } = this.#config;
        this.#deps.logger.warn({ groupId, nodeId, ...range }, "nobody had them, dropping them");
        this.#state = await log.cutDamage();
        return;
      }
      if (!said.has(FetchResult.unknown)) {
        throw this.#hopeless(range, results);
      }
      await this.#pause();
    }
  }

  /** Takes all that one member has for all gaps; `entries` when that was everything. */
  async #fillFrom(peer: NodeId): Promise<FetchResult> {
    const { log } = this.#config;
    for (const range of this.#state.damaged ?? []) {
      let { firstIndex, prevChain } = range;
      while (firstIndex <= range.lastIndex) {
        const { lastIndex } = range;
        const request = { firstIndex, lastIndex, prevChain, maxBytes: FETCH_BYTES };
        const { result, batches } = await this.#ask(peer, request);
        const last = batches.at(-1);
        if (result !== FetchResult.entries || last === undefined) {
          return result;
        }
        try {
          this.#state = (await log.repair?.(batches)) ?? this.#state;
        } catch (error) {
          // It follows what is before the gap and does not lead to what is behind it: another history.
          if (error instanceof Error && "code" in error && error.code === "DT_LOG_GAP") {
            return FetchResult.absent;
          }
          throw error;
        }
        firstIndex = last.lastIndex + 1;
        prevChain = last.chain;
      }
    }
    return FetchResult.entries;
  }

  async #ask(peer: NodeId, request: EntryRequest): Promise<EntryAnswer> {
    const { transport, closing } = this.#deps;
    const { groupId } = this.#config;
    if (closing?.aborted === true) {
      throw new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId, taken: false });
    }
    const answer = transport.fetch?.(groupId, peer, request);
    // Not reachable, or not there yet: the next round asks again.
    return (await answer?.catch(() => null)) ?? { result: FetchResult.unknown, batches: [] };
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
    for (const { payload } of this.#state.configs) {
      for (const member of decodeConfigPayload(payload).members) {
        known.set(member.nodeId, member);
      }
    }
    return [...known.values()];
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
