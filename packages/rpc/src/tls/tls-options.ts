import { createSecureContext } from "node:tls";
import type { SecureContext, SecureContextOptions } from "node:tls";

type Pem = string | Buffer;

/** Keys and certificates of one side, in PEM form. */
export interface TlsMaterial {
  /** Whose certificates are trusted. Default: the authorities that Node trusts. */
  readonly ca?: Pem | Pem[];
  /** This side's certificate, followed by those between it and the authority. A server needs one. */
  readonly cert?: Pem;
  readonly key?: Pem;
  /** Of the key. */
  readonly passphrase?: string;
  /** "TLSv1.2" or "TLSv1.3"; nothing older is spoken. Default "TLSv1.2". */
  readonly minVersion?: TlsVersion;
  /** In OpenSSL's form. Default: AES-128-GCM first, then what Node offers. */
  readonly ciphers?: string;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface ServerTls extends TlsMaterial {
  /**
   * Whether clients are asked for a certificate. "optional": one that is sent may serve as identity (see
   * `certificateAuth`). "required": a client without a trusted one is refused with DT_RPC_CERTIFICATE.
   * Default "ignore".
   */
  readonly clientCertificate?: "ignore" | "optional" | "required";
}

export interface ClientTls extends TlsMaterial {
  /** The name that the server's certificate must have. Default: the host of the address. */
  readonly serverName?: string;
}

/** AES-128 is a quarter cheaper than AES-256, and no weaker in practice. */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const VERSIONS: readonly unknown[] = ["TLSv1.2", "TLSv1.3"];
const MATERIAL_KEYS = ["ca", "cert", "key", "passphrase", "minVersion", "ciphers"];
const CLIENT_CERTIFICATE: readonly unknown[] = ["ignore", "optional", "required"];

/** What node:tls takes for the material, with the defaults of this package. */
export function contextOptions(tls: TlsMaterial): SecureContextOptions {
  const { ca, cert, key, passphrase, minVersion = "TLSv1.2", ciphers = CIPHERS } = tls;
  return { ca, cert, key, passphrase, minVersion, ciphers };
}

/** Parses keys and certificates once for all connections; null after adding to `problems`. */
function secureContext(tls: TlsMaterial, problems: string[]): SecureContext | null {
  const { minVersion = "TLSv1.2", cert, key } = tls;
  if (!VERSIONS.includes(minVersion)) {
    problems.push(`tls.minVersion: "${String(minVersion)}" is neither TLSv1.2 nor TLSv1.3`);
    return null;
  }
  if ((cert === undefined) !== (key === undefined)) {
    problems.push("tls: cert and key belong together");
    return null;
  }
  try {
    return createSecureContext(contextOptions(tls));
  } catch (error) {
    problems.push(`tls: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

export function serverContext(tls: ServerTls, problems: string[]): SecureContext | null {
  refuseUnknown(tls, [...MATERIAL_KEYS, "clientCertificate"], problems);
  const { clientCertificate = "ignore", cert, ca } = tls;
  if (cert === undefined) {
    problems.push("tls.cert: a server needs a certificate");
  }
  if (!CLIENT_CERTIFICATE.includes(clientCertificate)) {
    problems.push(`tls.clientCertificate: "${String(clientCertificate)}" is not known`);
  } else if (clientCertificate !== "ignore" && ca === undefined) {
    problems.push("tls.ca: say whose client certificates are trusted");
  }
  return secureContext(tls, problems);
}

export function clientContext(tls: ClientTls, problems: string[]): SecureContext | null {
  refuseUnknown(tls, [...MATERIAL_KEYS, "serverName"], problems);
  return secureContext(tls, problems);
}

function refuseUnknown(tls: object, known: readonly string[], problems: string[]): void {
  for (const key of Object.keys(tls)) {
    if (!known.includes(key)) {
      problems.push(`tls.${key}: unknown option`);
    }
  }
}
