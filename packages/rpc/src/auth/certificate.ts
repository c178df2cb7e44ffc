import { TLSSocket } from "node:tls";
import type { X509Certificate } from "node:crypto";
import type {
  ClientCredentials,
  ClientExchange,
  ServerMechanism,
  ServerStep,
} from "./mechanism.ts";

/** The mechanism of RFC 4422, appendix A: who the peer is was settled outside, by TLS. */
const MECHANISM = "EXTERNAL";
const NOTHING = Buffer.alloc(0);
const COMMON_NAME = /^CN=(?<name>[^\n]+)$/mu;

export interface CertificateAuthOptions {
  /** The name of the holder; null turns the certificate down. Default: the subject's only common name. */
  readonly nameOf?: (certificate: X509Certificate) => string | null;
}

/**
 * Takes the client's certificate, which TLS has checked against the server's CA. The server's `tls`
 * has to ask for it: `clientCertificate` "optional" or "required".
 */
export function certificateAuth(options: CertificateAuthOptions = {}): ServerMechanism {
  const nameOf = options.nameOf ?? commonName;
  return {
    name: MECHANISM,
    start: ({ socket }) => ({
      step(): ServerStep {
        if (!(socket instanceof TLSSocket) || !socket.authorized) {
          return { kind: "reject", reason: "no certificate, or one that is not trusted" };
        }
        const certificate = socket.getPeerX509Certificate();
        const name = certificate === undefined ? null : nameOf(certificate);
        return name === null || name === ""
          ? { kind: "reject", reason: "the certificate has no name" }
          : { kind: "accept", identity: { kind: "mtls", name }, data: NOTHING };
      },
    }),
  };
}

/** Says that the certificate of the client's `tls` is to be its identity. */
export function certificateCredentials(): ClientCredentials {
  const exchange: ClientExchange = { first: () => NOTHING, step: () => NOTHING, finish() {} };
  return { name: MECHANISM, isReplayable: false, start: () => exchange };
}

/** Null when the subject has none, or several. */
export function commonName(certificate: X509Certificate): string | null {
  const lines = certificate.subject.split("\n").filter((line) => line.startsWith("CN="));
  return lines.length === 1 ? (COMMON_NAME.exec(lines[0] ?? "")?.groups?.["name"] ?? null) : null;
}
