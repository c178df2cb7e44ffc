import { constants } from "node:os";
import type { RaftError } from "@dt/raft";
import type { Logger } from "pino";
import { parseServerCommand, USAGE } from "./arguments.ts";
import { formatAddress } from "./address.ts";
import { loadConfig } from "./config/load-config.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { ExitCode } from "./exit-code.ts";
import { leaveLauncher, tellLauncher } from "./launcher.ts";
import { ReloadSignal } from "./reload-signal.ts";
import { createRootLogger } from "./root-logger.ts";
import { startServer } from "./start-server.ts";
import type { ServerDeps } from "./start-server.ts";
import { ServerError } from "./server-error.ts";
import { StopRequest } from "./stop-request.ts";
import type { StopCause } from "./stop-request.ts";

/**
 * The whole life of a server process: from its arguments to its exit code. Nothing of it is left running when
 * the promise resolves.
 */
export async function runServer(argv: readonly string[], deps: ServerDeps = {}): Promise<ExitCode> {
  const command = parseServerCommand(argv);
  switch (command.kind) {
    case "help":
      process.stdout.write(USAGE);
      return ExitCode.ok;
    case "wrong":
      process.stderr.write(`dt server: ${command.message}\n\n${USAGE}`);
      return ExitCode.config;
    default:
  }
  let config: ServerConfig;
  try {
    config = loadConfig({ file: command.file, flags: command.flags, env: process.env });
  } catch (error) {
    if (error instanceof ServerError && error.code === "DT_SERVER_CONFIG") {
      process.stderr.write(`dt server: ${error.message}\n`);
      return ExitCode.config;
    }
    throw error;
  }
  if (command.isCheck) {
    const { nodeId, clusterId, members } = config;
    process.stdout.write(
      `${command.file} is valid: node ${nodeId} of cluster ${clusterId}, ${
        members.length === 0 ? "to be added by its members" : `${members.length} members`
      }\n`,
    );
    return ExitCode.ok;
  }
  return serve(config, createRootLogger(config), deps);
}

async function serve(config: ServerConfig, logger: Logger, deps: ServerDeps): Promise<ExitCode> {
  process.on("uncaughtException", (error) => {
    logger.fatal({ error }, "unexpected error");
    process.exit(ExitCode.unexpected);
  });
  const stop = new StopRequest((signal) => {
    logger.warn({ signal }, "stop forced");
    process.exit(128 + constants.signals[signal]);
  });
  const reload = new ReloadSignal(logger);
  const isOver = new AbortController();
  try {
    endInTime(config, logger, stop, isOver.signal);
    return await serveUntilStopped(config, logger, stop, reload, deps);
  } catch (error) {
    if (!(error instanceof ServerError) || error.fault.code !== "DT_SERVER_START") {
      throw error;
    }
    const { exitCode } = error.fault;
    logger.fatal({ error, exitCode }, "cannot start");
    process.stderr.write(`dt server: ${error.message}\n`);
    return exitCode;
  } finally {
    isOver.abort();
    reload.release();
    stop.release();
    leaveLauncher();
  }
}

/** A stop that takes too long ends the process, also one that was asked for while the server still started. */
function endInTime(
  { stopTimeoutMs }: ServerConfig,
  logger: Logger,
  stop: StopRequest,
  over: AbortSignal,
): void {
  void stop.cause.then(() => {
    if (over.aborted) {
      return;
    }
    const deadline = setTimeout(() => {
      logger.error({ stopTimeoutMs }, "stopping took too long");
      process.exit(ExitCode.stopTimeout);
    }, stopTimeoutMs);
    over.addEventListener("abort", () => clearTimeout(deadline));
  });
}

async function serveUntilStopped(
  config: ServerConfig,
  logger: Logger,
  stop: StopRequest,
  reload: ReloadSignal,
  deps: ServerDeps,
): Promise<ExitCode> {
  const onGroupFailed = (error: RaftError): void => stop.request({ kind: "group", error });
  const server = await startServer(config, logger, onGroupFailed, deps);
  const { dataDir, members } = config;
  const listen = formatAddress({ host: config.listen.host, port: server.port });
  logger.info({ listen, dataDir, members: members.length }, "serving");
  tellLauncher({ type: "serving", port: server.port });
  reload.serve(server);

  const cause = await stop.cause;
  logger.info(describeCause(cause), "stopping");
  try {
    await server.close();
  } catch (error) {
    if (cause.kind !== "group") {
      throw error;
    }
    // Files of a log that failed may not close either: that is no other fault.
    logger.error({ error }, "closing failed");
  }
  logger.info({}, "stopped");
  return cause.kind === "group" ? ExitCode.group : ExitCode.ok;
}

function describeCause(cause: StopCause): object {
  switch (cause.kind) {
    case "signal":
      return { signal: cause.signal };
    case "launcher":
      return { reason: "the launcher is gone" };
    case "group":
      return { reason: "a group failed", code: cause.error.code };
  }
}
