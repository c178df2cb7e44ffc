import { generate } from "selfsigned";

/** A certificate of 127.0.0.1 that vouches for itself, with its key: PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

const HOUR_MS = 3_600_000;

export async function makeTlsPair(): Promise<TlsPair> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "dt bench" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - HOUR_MS),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] },
    ],
  });
  return { cert, key };
}
