import { resolve } from "node:path";
import { RpcClient, RpcError, replayRecording } from "@dt/rpc";
import type { ReplayResult } from "@dt/rpc";
import { parseAddress } from "@dt/server";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { CliExit } from "../exit-code.ts";
import { formatJson, formatTable } from "../output.ts";
import { startProgress } from "../progress.ts";
import type { Progress } from "../progress.ts";
import { print } from "../terminal.ts";

interface ReplayOptions {
  readonly endpoint: string;
  readonly speed: "recorded" | "max";
  readonly inFlight: number;
  readonly timeout: number;
  readonly output: "table" | "json";
}

export async function replay(
  context: CliContext,
  file: string,
  options: ReplayOptions,
): Promise<void> {
  const { terminal } = context;
  const address = parseAddress(options.endpoint);
  if (address === null) {
    throw new CliError({ code: "DT_CLI_ENDPOINTS", from: "--endpoint", text: options.endpoint });
  }
  const client = new RpcClient({ address, identity: { role: "replay" } });
  let progress: Progress | null = null;
  let done = 0;
  try {
    await client.connect();
    const result = await replayRecording({
      file: resolve(terminal.cwd, file),
      client,
      speed: options.speed === "recorded" ? 1 : 0,
      maxInFlight: options.inFlight,
      timeoutMs: options.timeout,
      onProgress: (sent, total) => {
        progress ??= startProgress(terminal.stderr, "replay", total);
        progress.advance(sent - done);
        done = sent;
      },
    });
    stop(progress);
    await print(
      terminal.stdout,
      options.output === "json" ? formatJson(result) : formatResult(result),
    );
    if (result.different + result.missing + result.unsent > 0) {
      context.exitCode = CliExit.failed;
    }
  } catch (error) {
    stop(progress);
    throw asFileError(error, file);
  } finally {
    await client.close();
  }
}

function stop(progress: Progress | null): void {
  progress?.stop();
}

function asFileError(error: unknown, file: string): unknown {
  return error instanceof RpcError && error.fault.code === "DT_RPC_RECORDING"
    ? new CliError({ code: "DT_CLI_FILE", file, reason: error.fault.problem }, { cause: error })
    : error;
}

function formatResult(result: ReplayResult): string {
  const { differences, ...counts } = result;
  const names = Object.keys(counts) as (keyof typeof counts)[];
  const summary = formatTable(
    ["what", "count"],
    names.map((name) => [name, counts[name]]),
  );
  if (differences.length === 0) {
    return summary;
  }
  const rows = differences.map(({ command, groupId, atMicros, recorded, replayed }) => [
    (atMicros / 1e6).toFixed(6),
    command,
    groupId,
    `${recorded.status} ${recorded.code} ${recorded.bodyBytes}`,
    `${replayed.status} ${replayed.code} ${replayed.bodyBytes}`,
  ]);
  const head = ["second", "command", "group", "recorded", "replayed"];
  return `${summary}\n${formatTable(head, rows)}`;
}
