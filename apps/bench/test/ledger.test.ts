import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { WriteLedger } from "../src/write-ledger.ts";

describe("write ledger", () => {
  test("what was acknowledged last must be there", () => {
    const ledger = new WriteLedger(2);
    ledger.attempt(0, 5);
    ledger.acknowledge(0, 5);
    assert.equal(ledger.judge(0, 5), null);
    assert.match(ledger.judge(0, 4) ?? "", /write 5 was acknowledged, found 4/);
    assert.match(ledger.judge(0, 0) ?? "", /found nothing/);
    assert.equal(ledger.judge(1, 0), null, "a key that was never written may be missing");
  });

  test("a write without an answer may be there or not, nothing beyond it may", () => {
    const ledger = new WriteLedger(1);
    ledger.attempt(0, 1);
    ledger.acknowledge(0, 1);
    ledger.attempt(0, 2);
    assert.equal(ledger.judge(0, 1), null);
    assert.equal(ledger.judge(0, 2), null);
    assert.match(ledger.judge(0, 3) ?? "", /last one attempted was 2/);
  });
});
