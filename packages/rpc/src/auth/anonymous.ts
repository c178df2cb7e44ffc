import { ANONYMOUS } from "./mechanism.ts";
import type { ServerExchange, ServerMechanism } from "./mechanism.ts";

/** What a peer without credentials is taken to ask for; the name is that of RFC 4505. */
export const ANONYMOUS_MECHANISM = "ANONYMOUS";

const EXCHANGE: ServerExchange = {
  step: () => ({ kind: "accept", identity: ANONYMOUS, data: Buffer.alloc(0) }),
};

/** Lets peers without credentials in beside those that have some. */
export function anonymousAuth(): ServerMechanism {
  return { name: ANONYMOUS_MECHANISM, start: () => EXCHANGE };
}
