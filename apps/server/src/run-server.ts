import { constants } from "node:os";
import type { RaftError } from "@dt/raft";
import type { Logger } from "pino";
import { parseServerCommand, USAGE } from "./arguments.ts";
import { formatAddress } from "./address.ts";
import { loadConfig } from "./config/load-config.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { ExitCode } from "./exit-code.ts";
import { leaveLauncher, tellLauncher } from "./launcher.ts";
import { createRootLogger } from "./root-logger.ts";
import { startServer } from "./start-server.ts";
import type { RunningServer, ServerDeps } from "./start-server.ts";
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
  try {
    return await serveUntilStopped(config, logger, stop, deps);
  } catch (error) {
    if (!(error instanceof ServerError) || error.fault.code !== "DT_SERVER_START") {
      throw error;
    }
    const { exitCode } = error.fault;
    logger.fatal({ error, exitCode }, "cannot start");
    process.stderr.write(`dt server: ${error.message}\n`);
    return exitCode;
  } finally {
    stop.release();
    leaveLauncher();
  }
}

async function serveUntilStopped(
  config: ServerConfig,
  logger: Logger,
  stop: StopRequest,
  deps: ServerDeps,
): Promise<ExitCode> {
  const onGroupFailed = (error: RaftError): void => stop.request({ kind: "group", error });
  const server = await startServer(config, logger, onGroupFailed, deps);
  const { dataDir, members } = config;
  const listen = formatAddress({ host: config.listen.host, port: server.port });
  logger.info({ listen, dataDir, members: members.length }, "serving");
  tellLauncher({ type: "serving", port: server.port });

  const reload = (): void => reloadSecurity(server, logger);
  process.on("SIGHUP", reload);
  const cause = await stop.cause;
  process.off("SIGHUP", reload);
  logger.info(describeCause(cause), "stopping");
  const deadline = setTimeout(() => {
    logger.error({ stopTimeoutMs: config.stopTimeoutMs }, "stopping took too long");
    process.exit(ExitCode.stopTimeout);
  }, config.stopTimeoutMs);
  await server.close();
  clearTimeout(deadline);
  logger.info({}, "stopped");
  return cause.kind === "group" ? ExitCode.group : ExitCode.ok;
}

/** What is wrong with the files leaves the node as it was. */
function reloadSecurity(server: RunningServer, logger: Logger): void {
  try {
    server.reloadSecurity();
    logger.info({}, "read certificates, users and tokens again");
  } catch (error) {
    logger.error({ error }, "certificates, users and tokens stay as they were");
  }
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
