import { generate } from "selfsigned";

/** A certificate and its key, in PEM form. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Default "127.0.0.1" and "localhost". */
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;
/** Long before and after whatever the clock of the machine says. */
const LONG_AGO = new Date(Date.now() - 100 * DAY_MS);
const FAR_OFF = new Date(Date.now() + 1000 * DAY_MS);
const IP = /^[\d.]+$/u;

/** An authority that certificates are made with, as a test needs them. */
export class Authority {
  readonly cert: string;
  readonly #key: string;

  private constructor(cert: string, key: string) {
    this.cert = cert;
    this.#key = key;
  }

  static async create(name: string): Promise<Authority> {
    const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
      keyType: "ec",
      algorithm: "sha256",
      notBeforeDate: LONG_AGO,
      notAfterDate: FAR_OFF,
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new Authority(cert, key);
  }

  async issue(name: string, options: CertificateOptions = {}): Promise<Certificate> {
    const { hosts = ["127.0.0.1", "localhost"] } = options;
    const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
      keyType: "ec",
      algorithm: "sha256",
      notBeforeDate: options.notBefore ?? LONG_AGO,
      notAfterDate: options.notAfter ?? FAR_OFF,
      ca: { cert: this.cert, key: this.#key },
      extensions: [
        { name: "basicConstraints", cA: false },
        { name: "keyUsage", digitalSignature: true },
        { name: "extKeyUsage", serverAuth: true, clientAuth: true },
        {
          name: "subjectAltName",
          altNames: hosts.map((host) =>
            IP.test(host) ? { type: 7, ip: host } : { type: 2, value: host },
          ),
        },
      ],
    });
    return { cert, key };
  }

  /** One that has ended. */
  expired(name: string): Promise<Certificate> {
    return this.issue(name, { notAfter: new Date(Date.now() - 10 * DAY_MS) });
  }
}
