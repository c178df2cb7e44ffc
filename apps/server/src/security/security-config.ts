/** The sections `tls` and `auth` of a configuration, with absolute paths. */
export interface SecurityConfig {
  readonly tls: TlsConfig | null;
  readonly auth: AuthConfig | null;
}

/** Where keys and certificates are. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Whose certificates are trusted, those of members and of clients. */
  readonly caFile: string;
  readonly clientCertificates: "ignore" | "optional" | "required";
  /** The name that the certificates of members have; null for the host of each. */
  readonly serverName: string | null;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
}

export interface AuthConfig {
  /** Lines of `name secret`; null for none. */
  readonly usersFile: string | null;
  /** Lines of `name digest`; null for none. */
  readonly tokensFile: string | null;
  /** Certificates prove who a client is. */
  readonly certificates: boolean;
  /** Clients without credentials are let in, too. */
  readonly anonymous: boolean;
  /** How this node proves who it is to the other members; null for a cluster of one. */
  readonly self: SelfConfig | null;
  /** Who may take part as a member, as `kind:name`. */
  readonly members: readonly string[];
  /** Who may administrate, as `kind:name`; null for everybody who is not anonymous. */
  readonly admins: readonly string[] | null;
}

export type SelfConfig =
  | { readonly kind: "user"; readonly user: string; readonly passwordFile: string }
  | { readonly kind: "token"; readonly tokenFile: string }
  | { readonly kind: "certificate" };
