import { resolve } from "node:path";
import type {
  AuthConfig,
  SecurityConfig,
  SelfConfig,
  TlsConfig,
} from "../security/security-config.ts";
import type { ConfigProblem } from "../server-error.ts";
import type { RawConfig } from "./schema.ts";

type RawTls = NonNullable<RawConfig["tls"]>;
type RawAuth = NonNullable<RawConfig["auth"]>;

/**
 * Completes the sections `tls` and `auth` and checks what belongs together; `problems` gets everything that does
 * not. Files are not read here.
 */
export function resolveSecurity(
  { tls, auth, cluster }: RawConfig,
  baseDir: string,
  problems: ConfigProblem[],
): SecurityConfig {
  const file = (path: string): string => resolve(baseDir, path);
  if (auth !== undefined) {
    checkAuth(auth, tls, cluster.join ? Infinity : cluster.members.length, problems);
  }
  return Object.freeze({
    tls: tls === undefined ? null : completeTls(tls, file),
    auth: auth === undefined ? null : completeAuth(auth, file),
  });
}

function completeTls(tls: RawTls, file: (path: string) => string): TlsConfig {
  const { certFile, keyFile, caFile, clientCertificates, serverName = null, minVersion } = tls;
  return Object.freeze({
    certFile: file(certFile),
    keyFile: file(keyFile),
    caFile: file(caFile),
    clientCertificates,
    serverName,
    minVersion,
  });
}

function completeAuth(auth: RawAuth, file: (path: string) => string): AuthConfig {
  const { usersFile, tokensFile, certificates, anonymous, self, members, admins } = auth;
  return Object.freeze({
    usersFile: usersFile === undefined ? null : file(usersFile),
    tokensFile: tokensFile === undefined ? null : file(tokensFile),
    certificates,
    anonymous,
    self: self === undefined ? null : completeSelf(self, file),
    members: Object.freeze([...members]),
    admins: admins === undefined ? null : Object.freeze([...admins]),
  });
}

function completeSelf(
  self: NonNullable<RawAuth["self"]>,
  file: (path: string) => string,
): SelfConfig | null {
  const { user, passwordFile, tokenFile, certificate } = self;
  if (user !== undefined && passwordFile !== undefined) {
    return { kind: "user", user, passwordFile: file(passwordFile) };
  }
  if (tokenFile !== undefined) {
    return { kind: "token", tokenFile: file(tokenFile) };
  }
  return certificate === true ? { kind: "certificate" } : null;
}

function checkAuth(
  auth: RawAuth,
  tls: RawTls | undefined,
  memberCount: number,
  problems: ConfigProblem[],
): void {
  const { usersFile, tokensFile, certificates, self, members } = auth;
  const report = (path: string, message: string): void => void problems.push({ path, message });
  if (usersFile === undefined && tokensFile === undefined && !certificates) {
    report("auth", "names nobody: give usersFile, tokensFile or certificates");
  }
  if (certificates && (tls === undefined || tls.clientCertificates === "ignore")) {
    report("auth.certificates", "needs tls.clientCertificates optional or required");
  }
  if (self !== undefined) {
    checkSelf(self, tls, report);
  }
  if (memberCount > 1 && self === undefined) {
    report("auth.self", "missing: the other members have to know this node");
  }
  if (memberCount > 1 && members.length === 0) {
    report("auth.members", "must not be empty: name who may take part as a member");
  }
}

function checkSelf(
  { user, passwordFile, tokenFile, certificate }: NonNullable<RawAuth["self"]>,
  tls: RawTls | undefined,
  report: (path: string, message: string) => void,
): void {
  const ways = [
    user !== undefined || passwordFile !== undefined,
    tokenFile !== undefined,
    certificate,
  ];
  if (ways.filter((way) => way === true).length !== 1) {
    report("auth.self", "must have one of: user with passwordFile, tokenFile, certificate");
  } else if ((user === undefined) !== (passwordFile === undefined)) {
    report("auth.self", "user and passwordFile belong together");
  }
  if (tokenFile !== undefined && tls === undefined) {
    report("auth.self.tokenFile", "needs tls: whoever listens could use the token");
  }
  if (certificate === true && tls === undefined) {
    report("auth.self.certificate", "needs tls");
  }
}
