import { expect, test } from "vitest";
import { sessionOwner } from "./session-owner.ts";

const nobody = { kind: "anonymous", name: "" } as const;
const user = (name: string) => ({ kind: "scram", name }) as const;

test("an owner is who was proved, wherever it connects from", () => {
  const alice = sessionOwner({ identity: user("alice"), address: "10.0.0.1:4000" });
  expect(sessionOwner({ identity: user("alice"), address: "10.0.0.2:5000" })).toBe(alice);
  expect(sessionOwner({ identity: user("bob"), address: "10.0.0.1:4000" })).not.toBe(alice);
});

test("an owner that proved nothing is its host, whatever its port", () => {
  const host = sessionOwner({ identity: nobody, address: "10.0.0.1:4000" });
  expect(sessionOwner({ identity: nobody, address: "10.0.0.1:5000" })).toBe(host);
  const others = ["10.0.0.2:4000", "unix", "::1:4000"].map((address) =>
    sessionOwner({ identity: nobody, address }),
  );
  expect(new Set([host, ...others]).size).toBe(4);
});
