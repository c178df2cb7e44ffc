import {
  isSnapshotNotFound,
  type SnapshotMeta,
  type SnapshotReader,
  type SnapshotStore,
} from "../../log/snapshot-store.ts";
import type { Logger } from "../logger.ts";

/** The finished snapshots of a group, newest first, as its store has them. */
export class SnapshotCatalog {
  readonly store: SnapshotStore;
  readonly #logger: Logger;
  readonly #groupId: number;
  #metas: SnapshotMeta[] = [];

  constructor(store: SnapshotStore, groupId: number, logger: Logger) {
    this.store = store;
    this.#groupId = groupId;
    this.#logger = logger;
  }

  async open(): Promise<void> {
    this.#metas = [...(await this.store.open())];
  }

  get all(): readonly SnapshotMeta[] {
    return this.#metas;
  }

  get newest(): SnapshotMeta | null {
    return this.#metas[0] ?? null;
  }

  /** The kept one that reaches back farthest; the log is needed from there on. */
  get oldest(): SnapshotMeta | null {
    return this.#metas.at(-1) ?? null;
  }

  find(index: number): SnapshotMeta | null {
    return this.#metas.find((meta) => meta.index === index) ?? null;
  }

  add(meta: SnapshotMeta): void {
    const others = this.#metas.filter(({ id }) => id !== meta.id);
    this.#metas = [meta, ...others].toSorted((a, b) => b.index - a.index);
  }

  /**
   * Keeps the newest `count`, and none that the log does not continue any more: it starts after
   * `logBaseIndex`.
   */
  retain(count: number, logBaseIndex: number): void {
    const isKept = (meta: SnapshotMeta, at: number): boolean =>
      at < count && meta.index >= logBaseIndex;
    const dropped = this.#metas.filter((meta, at) => !isKept(meta, at));
    this.#metas = this.#metas.filter(isKept);
    for (const { id } of dropped) {
      this.#remove(id);
    }
  }

  read(meta: SnapshotMeta): Promise<SnapshotReader> {
    return this.store.read(meta.id);
  }

  /** The bytes of a snapshot turned out to be bad or gone: the others are what there is. */
  discard(meta: SnapshotMeta, error: unknown): void {
    if (!this.#metas.includes(meta)) {
      return;
    }
    const { id, index } = meta;
    this.#logger.error({ groupId: this.#groupId, id, index, err: error }, "snapshot is damaged");
    this.#metas = this.#metas.filter((each) => each !== meta);
    if (!isSnapshotNotFound(error)) {
      this.#remove(id);
    }
  }

  #remove(id: string): void {
    this.store.remove(id).catch((error: unknown) => {
      // It is not listed any more; the next start lists it again and tries once more.
      this.#logger.error(
        { groupId: this.#groupId, id, err: error },
        "cannot remove an old snapshot",
      );
    });
  }
}
