import { destination, pino, stdSerializers, stdTimeFunctions } from "pino";
import type { Logger } from "pino";
import type { ServerConfig } from "./config/server-config.ts";

const STDOUT = 1;

/**
 * The logger that all others descend from: one JSON object per line on the standard output. Lines are written
 * at once, so that the last ones before an exit are not lost; there are none per message.
 */
export function createRootLogger({ clusterId, nodeId, logLevel }: ServerConfig): Logger {
  const stdout = destination({ fd: STDOUT, sync: true });
  // A log that cannot be written, because its disk is full or its reader is gone, does not stop a server.
  stdout.on("error", () => undefined);
  return pino(
    {
      level: logLevel,
      base: { cluster: clusterId, node: nodeId, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { error: stdSerializers.errWithCause, err: stdSerializers.errWithCause },
    },
    stdout,
  );
}
