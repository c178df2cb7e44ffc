import type { RecoveryProgress } from "@dt/raft-log-file";
import type { Logger } from "pino";

/** A recovery that takes longer than this says how far it is, and again each time as much has passed. */
const PAUSE_MS = 2000;

/** Logs a long recovery; a short one says nothing. */
export function logRecovery(
  logger: Logger,
  groupId: number,
  nowMs: () => number = () => performance.now(),
): (progress: RecoveryProgress) => void {
  const startMs = nowMs();
  let saidMs = startMs;
  return (progress) => {
    const now = nowMs();
    if (now - saidMs >= PAUSE_MS) {
      saidMs = now;
      const elapsedMs = Math.round(now - startMs);
      logger.info({ groupId, elapsedMs, ...progress }, "recovering the log");
    }
  };
}
