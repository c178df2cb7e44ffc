import type { GroupConfig, GroupDeps } from "../group-config.ts";
import { openLog } from "../open-log.ts";
import { SessionTable } from "../sessions/session-table.ts";
import { recoverState, type RecoveredState } from "./recover-state.ts";
import type { RestoreTarget } from "./restore-snapshot.ts";
import { SnapshotCatalog } from "./snapshot-catalog.ts";

export interface OpenedState extends RecoveredState {
  /** Null for a group without a snapshot store. */
  readonly catalog: SnapshotCatalog | null;
  /** Null for a state machine that cannot be restored. */
  readonly target: RestoreTarget | null;
  /** The sessions as the snapshot has them. */
  readonly sessions: SessionTable;
}

/** Opens a group's log and snapshots and restores its state machine; closes what it opened when it fails. */
export async function openState<R>(config: GroupConfig<R>, deps: GroupDeps): Promise<OpenedState> {
  const { logger } = deps;
  const { groupId, log, members, nodeId, snapshots, stateMachine } = config;
  const catalog = snapshots === undefined ? null : new SnapshotCatalog(snapshots, groupId, logger);
  const opened = await openLog(config, deps, catalog).catch(async (error: unknown) => {
    await snapshots?.close();
    throw error;
  });
  try {
    const sessions = new SessionTable();
    const target = targetOf(stateMachine, sessions);
    const start = members.map((member) => member.nodeId);
    const parts = { groupId, log, catalog, target, nodeId, start, logger };
    const recovered = await recoverState(parts, opened);
    return { ...recovered, catalog, target, sessions };
  } catch (error) {
    await log.close();
    await snapshots?.close();
    throw error;
  }
}

function targetOf<R>(
  stateMachine: GroupConfig<R>["stateMachine"],
  sessions: SessionTable,
): RestoreTarget | null {
  return stateMachine.restoreSnapshot === undefined
    ? null
    : {
        restoreState: stateMachine.restoreSnapshot.bind(stateMachine),
        checkSessions: (bytes) => void SessionTable.decode(bytes),
        restoreSessions: (bytes) => sessions.takeOver(SessionTable.decode(bytes)),
      };
}
