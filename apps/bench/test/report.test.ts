import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { pause, runClosedLoop } from "../src/closed-loop.ts";
import { describeEnvironment } from "../src/environment.ts";
import { LatencyHistogram } from "../src/histogram.ts";
import { formatReport } from "../src/report.ts";
import type { Report } from "../src/report.ts";

const REPORT: Report = {
  workload: "kv put",
  config: { inFlight: 2 },
  opsPerSec: 12_345,
  p50Us: 1,
  p99Us: 2,
  p999Us: 3,
  maxUs: 4,
  errors: 0,
  environment: describeEnvironment("fsync"),
  extra: { clientCores: 0.5 },
};

describe("report", () => {
  test("json has the agreed fields first and what is special behind", () => {
    assert.deepEqual(Object.keys(JSON.parse(formatReport(REPORT, "json")) as object), [
      "workload",
      "config",
      "opsPerSec",
      "p50Us",
      "p99Us",
      "p999Us",
      "maxUs",
      "errors",
      "environment",
      "clientCores",
    ]);
  });

  test("the table groups digits and names the environment", () => {
    const table = formatReport(REPORT, "table");
    assert.match(table, /operations\/s +12,345/);
    assert.match(table, /p50 \/ p99 \/ p99.9 \/ max us +1 \/ 2 \/ 3 \/ 4/);
    assert.ok(table.includes(process.version));
  });
});

describe("histogram", () => {
  test("percentiles are within three digits of the truth, beyond a minute counts as a minute", () => {
    const histogram = new LatencyHistogram();
    for (let us = 1; us <= 1000; us++) {
      histogram.recordMs(us / 1000);
    }
    const { p50Us, p99Us, maxUs } = histogram.percentiles();
    assert.deepEqual([p50Us, p99Us, maxUs], [500, 990, 1000]);
    histogram.recordMs(1e9);
    assert.ok(Math.abs(histogram.percentiles().maxUs / 60_000_000 - 1) < 0.001);
  });
});

describe("closed loop", () => {
  test("keeps each slot busy with one operation, counts failures apart and waits for the last ones", async () => {
    const busy = new Set<number>();
    let most = 0;
    let failures = 0;
    const result = await runClosedLoop(
      async (slot) => {
        assert.ok(!busy.has(slot));
        busy.add(slot);
        most = Math.max(most, busy.size);
        await pause(1);
        busy.delete(slot);
        if (slot === 0) {
          throw new Error("refused");
        }
      },
      {
        inFlight: 4,
        warmUpMs: 10,
        measureMs: 60,
        onError: () => {
          failures++;
        },
      },
    );
    assert.equal(most, 4);
    assert.equal(busy.size, 0);
    assert.equal(result.errors, failures);
    assert.ok(failures > 0);
    assert.ok(result.operations > 0);
  });
});
