import { readFileSync } from "node:fs";
import {
  RpcClient,
  RpcError,
  RpcServer,
  anonymousAuth,
  certificateAuth,
  certificateCredentials,
  scramCredentials,
  tokenAuth,
  tokenCredentials,
} from "@dt/rpc";
import type {
  AuthIdentity,
  Authorize,
  ClientCredentials,
  ClientOptions,
  ClientTls,
  ScramSecret,
  ServerMechanism,
  ServerOptions,
  ServerTls,
  TokenEntry,
} from "@dt/rpc";
import type { RaftServer } from "@dt/raft";
import { ServerError } from "../server-error.ts";
import type { ConfigProblem } from "../server-error.ts";
import { parseTokens, parseUsers } from "./credential-file.ts";
import { mayUse } from "./permission.ts";
import { userAuth } from "./user-auth.ts";
import type { AuthConfig, SecurityConfig, SelfConfig, TlsConfig } from "./security-config.ts";

/** What the files of a configuration held when they were read. */
interface Contents {
  readonly serverTls: ServerTls | null;
  readonly clientTls: ClientTls | null;
  readonly users: ReadonlyMap<string, ScramSecret>;
  readonly tokens: readonly TokenEntry[];
  readonly credentials: ClientCredentials | null;
}

/** Who may connect to a node and how, from the files that its configuration names. */
export class Security {
  readonly #config: SecurityConfig;
  #contents: Contents;
  #tokenMechanism: ServerMechanism;
  #userMechanism: ServerMechanism;

  /** Throws DT_SERVER_CONFIG with everything that is wrong with the files. */
  constructor(config: SecurityConfig) {
    this.#config = config;
    this.#contents = readAll(config);
    this.#tokenMechanism = tokenAuth(this.#contents.tokens);
    this.#userMechanism = userAuth(this.#contents.users);
  }

  /** Adds what is wrong with the files to `problems`. */
  static check(config: SecurityConfig, problems: ConfigProblem[]): void {
    read(config, problems);
  }

  /** For the listening side. */
  get serverOptions(): Pick<ServerOptions, "tls" | "auth" | "authorize"> {
    const { auth } = this.#config;
    const { serverTls } = this.#contents;
    return {
      ...(serverTls === null ? {} : { tls: serverTls }),
      ...(auth === null ? {} : { auth: { mechanisms: this.#mechanisms(auth) } }),
      ...(auth === null ? {} : { authorize: authorizeBy(auth) }),
    };
  }

  /** For connections to other members. */
  get clientOptions(): Pick<ClientOptions, "tls" | "auth"> {
    const { clientTls, credentials } = this.#contents;
    return {
      ...(clientTls === null ? {} : { tls: clientTls }),
      ...(credentials === null ? {} : { auth: credentials }),
    };
  }

  /** Undefined where nobody has to prove anything. */
  get isMember(): ((identity: AuthIdentity) => boolean) | undefined {
    const { auth } = this.#config;
    if (auth === null) {
      return undefined;
    }
    const names = new Set(auth.members);
    return ({ kind, name }) => names.has(`${kind}:${name}`);
  }

  /**
   * Reads the files again; new connections are judged by what they hold now, save for the node's own password or
   * token. Throws DT_SERVER_CONFIG, and then all stays as it was.
   */
  reload(raft: RaftServer): void {
    const contents = readAll(this.#config);
    if (contents.serverTls !== null && contents.clientTls !== null) {
      raft.reloadTls(contents.serverTls, contents.clientTls);
    }
    this.#contents = contents;
    this.#tokenMechanism = tokenAuth(contents.tokens);
    this.#userMechanism = userAuth(contents.users);
  }

  #mechanisms(auth: AuthConfig): ServerMechanism[] {
    const mechanisms: ServerMechanism[] = [];
    if (auth.usersFile !== null) {
      const { name } = this.#userMechanism;
      mechanisms.push({ name, start: (context) => this.#userMechanism.start(context) });
    }
    if (auth.tokensFile !== null) {
      const { name } = this.#tokenMechanism;
      mechanisms.push({ name, start: (context) => this.#tokenMechanism.start(context) });
    }
    if (auth.certificates) {
      mechanisms.push(certificateAuth());
    }
    if (auth.anonymous) {
      mechanisms.push(anonymousAuth());
    }
    return mechanisms;
  }
}

function authorizeBy({ members, admins }: AuthConfig): Authorize {
  const trusted = admins === null ? null : new Set([...members, ...admins]);
  return (identity, command) => mayUse(identity, command, trusted);
}

function readAll(config: SecurityConfig): Contents {
  const problems: ConfigProblem[] = [];
  const contents = read(config, problems);
  if (problems.length > 0) {
    throw new ServerError({ code: "DT_SERVER_CONFIG", source: "tls and auth", problems });
  }
  return contents;
}

function read({ tls, auth }: SecurityConfig, problems: ConfigProblem[]): Contents {
  const before = problems.length;
  const serverTls = tls === null ? null : readServerTls(tls, problems);
  const clientTls = tls === null ? null : toClientTls(tls, serverTls, auth?.self ?? null);
  if (serverTls !== null && problems.length === before) {
    checkTls(serverTls, clientTls, problems);
  }
  const users = readLines("auth.usersFile", auth?.usersFile ?? null, parseUsers, problems);
  const tokens = readLines("auth.tokensFile", auth?.tokensFile ?? null, parseTokens, problems);
  const self = auth?.self ?? null;
  return {
    serverTls,
    clientTls,
    users: users ?? new Map<string, ScramSecret>(),
    tokens: tokens ?? [],
    credentials: self === null ? null : readSelf(self, problems),
  };
}

function readServerTls(tls: TlsConfig, problems: ConfigProblem[]): ServerTls {
  return {
    cert: readText("tls.certFile", tls.certFile, problems),
    key: readText("tls.keyFile", tls.keyFile, problems),
    ca: readText("tls.caFile", tls.caFile, problems),
    clientCertificate: tls.clientCertificates,
    minVersion: tls.minVersion,
  };
}

/** A node shows its certificate to the other members where they ask for one. */
function toClientTls(
  { clientCertificates, serverName, minVersion }: TlsConfig,
  server: ServerTls | null,
  self: SelfConfig | null,
): ClientTls | null {
  if (server === null) {
    return null;
  }
  const { ca, cert, key } = server;
  const isShown = clientCertificates === "required" || self?.kind === "certificate";
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(isShown && cert !== undefined && key !== undefined ? { cert, key } : {}),
    ...(serverName === null ? {} : { serverName }),
    minVersion,
  };
}

/** A server and a client check their options when they are made; these are never used. */
function checkTls(server: ServerTls, client: ClientTls | null, problems: ConfigProblem[]): void {
  try {
    void new RpcServer({ tls: server });
    if (client !== null) {
      void new RpcClient({ address: { path: "/" }, tls: client });
    }
  } catch (error) {
    if (!(error instanceof RpcError) || error.fault.code !== "DT_RPC_OPTIONS") {
      throw error;
    }
    for (const message of error.fault.problems) {
      problems.push({ path: "tls", message: message.replace(/^tls[^:]*: /u, "") });
    }
  }
}

function readSelf(self: SelfConfig, problems: ConfigProblem[]): ClientCredentials | null {
  if (self.kind === "certificate") {
    return certificateCredentials();
  }
  const isUser = self.kind === "user";
  const path = isUser ? "auth.self.passwordFile" : "auth.self.tokenFile";
  const secret = readText(path, isUser ? self.passwordFile : self.tokenFile, problems).trimEnd();
  if (secret === "") {
    if (!problems.some((problem) => problem.path === path)) {
      problems.push({ path, message: "the file is empty" });
    }
    return null;
  }
  if (!isUser) {
    return tokenCredentials(secret);
  }
  try {
    return scramCredentials(self.user, secret);
  } catch {
    // The only reason there is; its text would not name the file.
    problems.push({ path, message: "user or password has control characters" });
    return null;
  }
}

function readLines<T>(
  path: string,
  file: string | null,
  parse: (text: string, problems: string[]) => T,
  problems: ConfigProblem[],
): T | null {
  if (file === null) {
    return null;
  }
  const found: string[] = [];
  const result = parse(readText(path, file, problems), found);
  problems.push(...found.map((message) => ({ path, message: `${file}: ${message}` })));
  return result;
}

function readText(path: string, file: string, problems: ConfigProblem[]): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    problems.push({ path, message: `${file} cannot be read: ${reason}` });
    return "";
  }
}
