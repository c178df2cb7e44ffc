import { ANONYMOUS_MECHANISM } from "./anonymous.ts";
import { LoginLimit } from "./login-limit.ts";
import type { ServerMechanism } from "./mechanism.ts";

/** How a server authenticates its clients. */
export interface ServerAuthOptions {
  /** A client chooses one of them. Without `anonymousAuth()` among them, every client has to. */
  readonly mechanisms: readonly ServerMechanism[];
  /** Failed logins of one address before it has to wait; 1 to 2^20. Default 10. */
  readonly maxLoginFailures?: number;
  /** One failed login is forgotten after so long, in milliseconds; 1 or more. Default 1000. */
  readonly loginFailureMs?: number;
  /** Addresses with failed logins that are remembered; 1 to 2^20. Default 4096. */
  readonly maxLoginAddresses?: number;
}

const LIMIT_DEFAULTS = {
  maxLoginFailures: 10,
  loginFailureMs: 1000,
  maxLoginAddresses: 4096,
} as const;
const MAX_COUNT = 2 ** 20;
const MAX_MS = 2 ** 31 - 1;
const NAME = /^[A-Z0-9_-]{1,20}$/u;

/** The mechanisms of one server and what its peers have failed at. */
export class ServerAuth {
  readonly limit: LoginLimit;
  readonly #mechanisms: ReadonlyMap<string, ServerMechanism>;

  /** The options have been checked. */
  constructor(options: ServerAuthOptions) {
    this.#mechanisms = new Map(options.mechanisms.map((mechanism) => [mechanism.name, mechanism]));
    this.limit = new LoginLimit({ ...LIMIT_DEFAULTS, ...definedLimits(options) });
  }

  /** `name` is empty for a peer without credentials. */
  find(name: string): ServerMechanism | null {
    return this.#mechanisms.get(name === "" ? ANONYMOUS_MECHANISM : name) ?? null;
  }

  get names(): string {
    return [...this.#mechanisms.keys()].join(", ");
  }
}

/** Adds everything that is wrong to `problems`. */
export function checkServerAuth(options: ServerAuthOptions, problems: string[]): void {
  const { mechanisms } = options;
  if (!Array.isArray(mechanisms) || mechanisms.length === 0) {
    problems.push("auth.mechanisms: empty; leave auth out to let everybody in");
    return;
  }
  const names = new Set<string>();
  for (const { name } of options.mechanisms) {
    if (!NAME.test(name) || names.has(name)) {
      problems.push(`auth.mechanisms: "${name}" is there twice, or is no mechanism's name`);
    }
    names.add(name);
  }
  for (const key of Object.keys(LIMIT_DEFAULTS) as (keyof typeof LIMIT_DEFAULTS)[]) {
    const value = options[key] ?? LIMIT_DEFAULTS[key];
    const max = key === "loginFailureMs" ? MAX_MS : MAX_COUNT;
    if (!Number.isInteger(value) || value < 1 || value > max) {
      problems.push(`auth.${key}: ${String(value)} is not an integer within 1..${max}`);
    }
  }
  for (const key of Object.keys(options)) {
    if (key !== "mechanisms" && !(key in LIMIT_DEFAULTS)) {
      problems.push(`auth.${key}: unknown option`);
    }
  }
}

function definedLimits(options: ServerAuthOptions): Partial<typeof LIMIT_DEFAULTS> {
  return Object.fromEntries(
    Object.entries(options).filter(([key, value]) => key !== "mechanisms" && value !== undefined),
  );
}
