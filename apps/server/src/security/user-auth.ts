import { createHash } from "node:crypto";
import { scramAuth } from "@dt/rpc";
import type { ScramAuthOptions, ScramSecret, ServerMechanism } from "@dt/rpc";

/**
 * Takes the users of a file. Nodes with the same file show the same salt for a user that does not exist, also
 * after a restart, and as many iterations as most users have: otherwise asking two nodes would tell who exists.
 */
export function userAuth(users: ReadonlyMap<string, ScramSecret>): ServerMechanism {
  return scramAuth((name) => users.get(name) ?? null, users.size === 0 ? {} : decoysFor(users));
}

function decoysFor(users: ReadonlyMap<string, ScramSecret>): ScramAuthOptions {
  const hash = createHash("sha256");
  const counts = new Map<number, number>();
  for (const { iterations, salt, storedKey, serverKey } of users.values()) {
    hash.update(salt).update(storedKey).update(serverKey);
    counts.set(iterations, (counts.get(iterations) ?? 0) + 1);
  }
  const [[decoyIterations] = [0]] = [...counts].sort(([, a], [, b]) => b - a);
  return { decoyKey: hash.digest(), decoyIterations };
}
