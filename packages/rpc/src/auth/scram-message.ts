/** The messages of RFC 5802 section 7 without channel binding. Readers give null for anything else. */

/** A server refuses messages that are longer: a name, two nonces and a proof are far from it. */
export const MAX_MESSAGE_BYTES = 4096;

const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/u;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u;
const CLIENT_FIRST =
  /^(?<gs2>[ny],(?:a=(?<authzid>[^,]+))?,)(?<bare>n=(?<name>[^,]+),r=(?<nonce>[^,]+))(?:,.*)?$/u;
const SERVER_FIRST = /^r=(?<nonce>[^,]+),s=(?<salt>[^,]+),i=(?<iterations>[1-9]\d{0,9})(?:,.*)?$/u;
const CLIENT_FINAL =
  /^(?<bare>c=(?<binding>[^,]+),r=(?<nonce>[^,]+)(?:,(?!p=).*)?),p=(?<proof>[^,]+)$/u;
const SERVER_FINAL = /^v=(?<signature>[^,]+)(?:,.*)?$/u;

export interface ClientFirst {
  /** The part that says that no channel is bound, as `c=` of the next message repeats it. */
  readonly gs2Header: string;
  readonly bare: string;
  readonly name: string;
  readonly nonce: string;
}

export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

export interface ClientFinal {
  readonly withoutProof: string;
  readonly binding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
}

export function formatClientFirstBare(name: string, nonce: string): string {
  return `n=${name.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
}

export function parseClientFirst(text: string): ClientFirst | null {
  const groups = CLIENT_FIRST.exec(text)?.groups;
  const gs2Header = groups?.["gs2"];
  const nonce = groups?.["nonce"] ?? "";
  const name = unescapeName(groups?.["name"] ?? "");
  // To act in the name of another user is not offered.
  if (gs2Header === undefined || groups?.["authzid"] !== undefined || name === null) {
    return null;
  }
  return NONCE.test(nonce) ? { gs2Header, bare: text.slice(gs2Header.length), name, nonce } : null;
}

export function formatServerFirst({ nonce, salt, iterations }: ServerFirst): string {
  return `r=${nonce},s=${salt.toString("base64")},i=${iterations}`;
}

export function parseServerFirst(text: string): ServerFirst | null {
  const groups = SERVER_FIRST.exec(text)?.groups;
  const nonce = groups?.["nonce"] ?? "";
  const salt = decodeBase64(groups?.["salt"] ?? "");
  if (!NONCE.test(nonce) || salt === null) {
    return null;
  }
  return { nonce, salt, iterations: Number(groups?.["iterations"]) };
}

export function formatClientFinalBare(gs2Header: string, nonce: string): string {
  return `c=${Buffer.from(gs2Header).toString("base64")},r=${nonce}`;
}

export function parseClientFinal(text: string): ClientFinal | null {
  const groups = CLIENT_FINAL.exec(text)?.groups;
  const binding = decodeBase64(groups?.["binding"] ?? "");
  const proof = decodeBase64(groups?.["proof"] ?? "");
  const nonce = groups?.["nonce"] ?? "";
  if (binding === null || proof === null || !NONCE.test(nonce)) {
    return null;
  }
  return { withoutProof: groups?.["bare"] ?? "", binding, nonce, proof };
}

/** The signature in the server's last message. */
export function parseServerFinal(text: string): Buffer | null {
  return decodeBase64(SERVER_FINAL.exec(text)?.groups?.["signature"] ?? "");
}

/** Null for an empty text and for one that is not canonical base64. */
export function decodeBase64(text: string): Buffer | null {
  if (text === "" || !BASE64.test(text)) {
    return null;
  }
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

/** Null when "=" stands for anything but a comma or itself. */
function unescapeName(escaped: string): string | null {
  if (escaped === "" || /=(?!2C|3D)/u.test(escaped)) {
    return null;
  }
  return escaped.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
