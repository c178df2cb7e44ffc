import { RaftError } from "../errors.ts";
import type { LogState } from "../log/raft-log.ts";
import type { GroupConfig, GroupDeps } from "./group-config.ts";
import { isHopeless, LogRepair } from "./log-repair.ts";
import type { SnapshotCatalog } from "./snapshots/snapshot-catalog.ts";

/**
 * Opens a group's log and lists its snapshots, and has the log repaired when it needs to be. When that fails the log
 * is closed: at once, or with the server when other members may need what is good in it.
 */
export async function openLog<R>(
  config: GroupConfig<R>,
  deps: GroupDeps,
  catalog: SnapshotCatalog | null,
): Promise<LogState> {
  const { log, groupId } = config;
  const state = await log.open();
  try {
    // They know who the members are where the log has lost it.
    await catalog?.open();
    if ((state.damaged ?? []).length === 0) {
      return state;
    }
    if (log.repair === undefined) {
      throw new RaftError({ code: "DT_RAFT_LOG_FAILED", groupId });
    }
    await deps.onRepair?.();
    return await new LogRepair(config, deps, state, catalog?.all ?? []).run();
  } catch (error) {
    if (isHopeless(error) && deps.closing?.aborted === false) {
      const onFailed = (err: unknown): void =>
        deps.logger.error({ groupId, err }, "a damaged log failed to close");
      const close = (): void => void log.close().catch(onFailed);
      deps.closing.addEventListener("abort", close, { once: true });
    } else {
      await log.close();
    }
    throw error;
  }
}
