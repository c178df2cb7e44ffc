import { pino } from "pino";
import { expect, it } from "vitest";
import { logRecovery } from "./recovery-log.ts";

it("says how far a long recovery is, every two seconds, and nothing of a short one", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = logRecovery(
    pino({}, { write: (line: string) => void lines.push(line) }),
    7,
    () => nowMs,
  );
  for (let doneSegments = 1; doneSegments <= 10; doneSegments++) {
    nowMs += 700;
    log({ doneSegments, segments: 10, scannedSegments: doneSegments, nextIndex: doneSegments * 9 });
  }
  const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(said.map((line) => [line["doneSegments"], line["elapsedMs"]])).toEqual([
    [3, 2100],
    [6, 4200],
    [9, 6300],
  ]);
  expect(said[0]).toMatchObject({ groupId: 7, segments: 10, msg: "recovering the log" });
});
