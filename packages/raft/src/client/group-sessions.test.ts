import { expect, test } from "vitest";
import type { SessionKey } from "../transport/session-commands.ts";
import { GroupSessions } from "./group-sessions.ts";

interface Opening {
  readonly resolve: (key: SessionKey) => void;
  readonly reject: (error: Error) => void;
}

function started(): { readonly sessions: GroupSessions; readonly openings: Opening[] } {
  const openings: Opening[] = [];
  const sessions = new GroupSessions(
    () => new Promise((resolve, reject) => openings.push({ resolve, reject })),
  );
  return { sessions, openings };
}

test("a session that two calls report as forgotten is replaced once", async () => {
  const { sessions, openings } = started();
  const first = sessions.session();
  openings[0]!.resolve({ session: 7, secret: 70n });
  const session = await first;
  const calls = [session.begin(), session.begin()];
  calls.forEach((call) => sessions.forget(call));
  await Promise.resolve();
  const next = sessions.session();
  openings[1]!.resolve({ session: 8, secret: 80n });
  expect((await next).id).toBe(8);
  expect((await sessions.session()).id).toBe(8);
  expect(openings).toHaveLength(2);
});

test("a late report while the next session is being opened makes no noise when that fails", async () => {
  const unheard: unknown[] = [];
  const note = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", note);
  try {
    const { sessions, openings } = started();
    const first = sessions.session();
    openings[0]!.resolve({ session: 7, secret: 70n });
    const session = await first;
    const calls = [session.begin(), session.begin()];
    sessions.forget(calls[0]!);
    await Promise.resolve();
    const next = sessions.session();
    sessions.forget(calls[1]!);
    openings[1]!.reject(new Error("no leader"));
    await expect(next).rejects.toThrow("no leader");
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
