import { encodeConfigPayload } from "../../entry/config-payload.ts";
import { RaftError } from "../../errors.ts";
import type { SnapshotMeta } from "../../log/snapshot-store.ts";
import { EnvelopeSource } from "./envelope.ts";
import { buildSnapshot } from "./snapshot-build.ts";
import type { SnapshotParts } from "./snapshot-parts.ts";
import { SnapshotPolicy } from "./snapshot-policy.ts";

interface Waiter {
  /** When there must be something to take. */
  readonly deadlineMs: number;
  readonly resolve: (meta: SnapshotMeta) => void;
  readonly reject: (error: RaftError) => void;
}

/** Takes snapshots when they are due or asked for, keeps the newest, and cuts the log behind them. */
export class SnapshotKeeper {
  readonly #parts: SnapshotParts;
  /** Another one is in the store, or could not be made. */
  readonly #onBuilt: () => void;
  readonly #policy: SnapshotPolicy;
  #isBuilding = false;
  #isWanted = false;
  #waiters: Waiter[] = [];
  /** What the log was last told to start at. */
  #headIndex = 1;
  #isClosed = false;

  constructor(parts: SnapshotParts, onBuilt: () => void) {
    const { catalog, clock, options } = parts;
    this.#parts = parts;
    this.#onBuilt = onBuilt;
    this.#policy = new SnapshotPolicy(options, catalog.newest?.index ?? 0, clock.nowMs());
  }

  /** One is taken at the next tick, or when the one that is being taken is done. */
  want(): void {
    this.#isWanted = true;
  }

  /** As `want`; resolves when it is durable. */
  take(): Promise<SnapshotMeta> {
    return new Promise((resolve, reject) => {
      const { clock, groupId, options, takeState } = this.#parts;
      if (takeState === null) {
        reject(new RaftError({ code: "DT_RAFT_NO_SNAPSHOTS", groupId }));
        return;
      }
      // A member that has just started hears within about that time what is committed.
      const deadlineMs = clock.nowMs() + 2 * options.electionTimeoutMaxMs;
      this.#waiters.push({ deadlineMs, resolve, reject });
      this.#isWanted = true;
    });
  }

  /** Refuses those that have waited long enough: `why` none can be taken. */
  expire(nowMs: number, why: string): void {
    const { groupId } = this.#parts;
    const expired = this.#waiters.filter(({ deadlineMs }) => nowMs >= deadlineMs);
    if (expired.length > 0) {
      this.#waiters = this.#waiters.filter(({ deadlineMs }) => nowMs < deadlineMs);
      const fault = { code: "DT_RAFT_SNAPSHOT_FAILED", groupId } as const;
      expired.forEach(({ reject }) => reject(new RaftError(fault, { cause: new Error(why) })));
    }
  }

  /** Between two turns: the state machine stands at the applied index. */
  onTick(nowMs: number): void {
    this.#dropHead();
    const { appliedIndex, appliedBytes } = this.#parts.applies;
    if (this.#isWanted || this.#policy.isDue(appliedIndex, appliedBytes, nowMs)) {
      this.#build(nowMs);
    }
  }

  /** One that came from another member is in the store. */
  received(meta: SnapshotMeta): void {
    const { applies, catalog, clock } = this.#parts;
    catalog.add(meta);
    this.#policy.taken(meta.index, applies.appliedBytes, clock.nowMs());
  }

  close(): void {
    this.#isClosed = true;
    const waiters = this.#waiters;
    this.#waiters = [];
    waiters.forEach((waiter) => waiter.reject(this.#stopped()));
  }

  #build(nowMs: number): void {
    const { applies, catalog, clock, groupId, logger, takeState } = this.#parts;
    if (applies.appliedIndex === 0) {
      this.expire(nowMs, "nothing was applied yet");
      return;
    }
    if (this.#isBuilding || takeState === null) {
      return;
    }
    this.#isBuilding = true;
    this.#isWanted = false;
    const meta = this.#describe();
    this.#policy.taken(meta.index, applies.appliedBytes, nowMs);
    const waiters = this.#waiters;
    this.#waiters = [];
    const begin = (): EnvelopeSource =>
      new EnvelopeSource(this.#parts.encodeSessions(), takeState());
    buildSnapshot(catalog.store, meta, begin, clock, () => !this.#isClosed).then(
      (finished) => {
        this.#isBuilding = false;
        if (finished === null) {
          waiters.forEach((waiter) => waiter.reject(this.#stopped()));
          return;
        }
        const { id, index, byteLength } = finished;
        logger.info({ groupId, id, index, byteLength }, "snapshot taken");
        this.#keep(finished);
        waiters.forEach((waiter) => waiter.resolve(finished));
      },
      (error: unknown) => {
        this.#isBuilding = false;
        logger.error({ groupId, err: error }, "taking a snapshot failed");
        this.#onBuilt();
        const fault = { code: "DT_RAFT_SNAPSHOT_FAILED", groupId } as const;
        waiters.forEach((waiter) => waiter.reject(new RaftError(fault, { cause: error })));
      },
    );
  }

  #describe(): Omit<SnapshotMeta, "byteLength"> {
    const { applies, core } = this.#parts;
    const { appliedIndex: index, appliedTerm: term, appliedChain: chain } = applies;
    const configuration = core.configurationAt(index);
    return {
      id: `${index}-${chain.toString(16).padStart(8, "0")}-${core.id}`,
      index,
      term,
      chain,
      timestampMs: applies.timestampMs,
      membership: configuration.index > 0 ? encodeConfigPayload(configuration) : Buffer.alloc(0),
      membershipIndex: configuration.index,
    };
  }

  #keep(meta: SnapshotMeta): void {
    if (!this.#isClosed) {
      const { catalog, core, options } = this.#parts;
      catalog.add(meta);
      catalog.retain(options.snapshotKeep, core.firstIndex - 1);
      this.#dropHead();
      this.#onBuilt();
    }
  }

  /**
   * Lets go of what the oldest snapshot stands for, as far as it is applied, and on this disk: a log may be applied
   * ahead of its disk, which may still hold other entries there.
   */
  #dropHead(): void {
    const { applies, catalog, core, log, options } = this.#parts;
    const done = Math.min(core.durableIndex, applies.appliedIndex);
    const index = Math.min(catalog.oldest?.index ?? 0, done);
    const first = index + 1 - options.snapshotTailEntries;
    if (first > this.#headIndex && !core.isStateMissing) {
      this.#headIndex = first;
      log.dropHead(first);
    }
  }

  #stopped(): RaftError {
    const { groupId } = this.#parts;
    return new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId, taken: false });
  }
}
