import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  RpcClient,
  RpcError,
  certificateCredentials,
  scramCredentials,
  tokenCredentials,
} from "@dt/rpc";
import type { ClientCredentials, ClientOptions, ClientTls } from "@dt/rpc";
import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { fileError } from "../kv/value-input.ts";
import type { Terminal } from "../terminal.ts";

/** How a command proves who it is and whom it trusts, as flags give it. */
export interface SecurityFlags {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tokenFile?: string;
}

const VARIABLES: Readonly<Record<keyof SecurityFlags, string>> = {
  tlsCa: "DT_TLS_CA",
  tlsCert: "DT_TLS_CERT",
  tlsKey: "DT_TLS_KEY",
  tlsServerName: "DT_TLS_SERVER_NAME",
  user: "DT_USER",
  passwordFile: "DT_PASSWORD_FILE",
  tokenFile: "DT_TOKEN_FILE",
};

export function withSecurityOptions(command: Command): Command {
  return command
    .option("--tls-ca <file>", "connect with TLS; whose certificates are trusted (or DT_TLS_CA)")
    .option("--tls-cert <file>", "own certificate (or DT_TLS_CERT)")
    .option("--tls-key <file>", "its key (or DT_TLS_KEY)")
    .option("--tls-server-name <name>", "name in the nodes' certificates (or DT_TLS_SERVER_NAME)")
    .option("--user <name>", "log in with a password (or DT_USER)")
    .option("--password-file <file>", "the password of --user (or DT_PASSWORD_FILE)")
    .option("--token-file <file>", "log in with a token (or DT_TOKEN_FILE)");
}

/**
 * What a connection takes of it. A certificate without user and token is the identity, too. Throws DT_CLI_USAGE
 * for what does not go together, DT_CLI_FILE for what cannot be read or used.
 */
export function resolveSecurity(
  given: SecurityFlags,
  terminal: Terminal,
): Pick<ClientOptions, "tls" | "auth"> {
  const flags = withVariables(given, terminal.env);
  const tls = resolveTls(flags, terminal);
  const auth = resolveCredentials(flags, terminal);
  return { ...(tls === null ? {} : { tls }), ...(auth === null ? {} : { auth }) };
}

function withVariables(flags: SecurityFlags, env: NodeJS.ProcessEnv): SecurityFlags {
  const merged: Record<string, string> = {};
  for (const [key, variable] of Object.entries(VARIABLES)) {
    const value = flags[key as keyof SecurityFlags] ?? env[variable];
    if (value !== undefined && value !== "") {
      merged[key] = value;
    }
  }
  return merged;
}

function resolveTls(
  { tlsCa, tlsCert, tlsKey, tlsServerName }: SecurityFlags,
  terminal: Terminal,
): ClientTls | null {
  if (tlsCa === undefined) {
    if (tlsCert !== undefined || tlsKey !== undefined || tlsServerName !== undefined) {
      throw usage("TLS needs --tls-ca: whose certificates are trusted");
    }
    return null;
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usage("--tls-cert and --tls-key belong together");
  }
  const tls: ClientTls = {
    ca: readText(tlsCa, terminal),
    ...(tlsCert === undefined ? {} : { cert: readText(tlsCert, terminal) }),
    ...(tlsKey === undefined ? {} : { key: readText(tlsKey, terminal) }),
    ...(tlsServerName === undefined ? {} : { serverName: tlsServerName }),
  };
  checkTls(tls, [tlsCa, tlsCert, tlsKey]);
  return tls;
}

/** A client checks its options when it is made; this one never connects. */
function checkTls(tls: ClientTls, files: readonly (string | undefined)[]): void {
  try {
    void new RpcClient({ address: { path: "/" }, tls });
  } catch (error) {
    if (error instanceof RpcError) {
      throw fileError(files.filter((file) => file !== undefined).join(", "), error);
    }
    throw error;
  }
}

function resolveCredentials(
  { user, passwordFile, tokenFile, tlsCa, tlsCert }: SecurityFlags,
  terminal: Terminal,
): ClientCredentials | null {
  if ((user === undefined) !== (passwordFile === undefined)) {
    throw usage("--user and --password-file belong together");
  }
  if (user !== undefined && tokenFile !== undefined) {
    throw usage("--user and --token-file do not go together");
  }
  if (user !== undefined && passwordFile !== undefined) {
    return passwordCredentials(user, passwordFile, terminal);
  }
  if (tokenFile !== undefined) {
    if (tlsCa === undefined) {
      throw usage("a token needs --tls-ca: without TLS, whoever listens could use it");
    }
    return tokenCredentials(readText(tokenFile, terminal).trimEnd());
  }
  return tlsCert === undefined ? null : certificateCredentials();
}

function passwordCredentials(user: string, file: string, terminal: Terminal): ClientCredentials {
  try {
    return scramCredentials(user, readText(file, terminal).trimEnd());
  } catch (error) {
    throw error instanceof RangeError ? fileError(file, error) : error;
  }
}

function readText(file: string, terminal: Terminal): string {
  try {
    return readFileSync(resolve(terminal.cwd, file), "utf8");
  } catch (error) {
    throw fileError(file, error);
  }
}

function usage(message: string): CliError {
  return new CliError({ code: "DT_CLI_USAGE", message });
}
