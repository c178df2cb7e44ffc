import assert from "node:assert/strict";
import { ByteWriter } from "@dt/codec";
import fc from "fast-check";
import { describe, test } from "vitest";
import { MessageKind, SnapshotStatus } from "../core/message.ts";
import type { Message } from "../core/message.ts";
import { BatchBuilder } from "../entry/batch-builder.ts";
import { EntryType } from "../entry/record.ts";
import { decodeMessageBody, encodeMessageBody, messageBytes } from "./message-codec.ts";

const node = fc.integer({ min: 1, max: 0xffff_ffff });
const u64 = fc.maxSafeNat();
const time = fc.double({ min: 0, max: 1e12, noNaN: true });
const head = { from: node, to: node, term: u64 };
const clock = { sentAtMs: time, readToken: u64 };

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(MessageKind.preVote, MessageKind.vote),
    ...head,
    lastIndex: u64,
    lastTerm: u64,
    isSuccessor: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom(MessageKind.preVoteReply, MessageKind.voteReply),
    ...head,
    granted: fc.boolean(),
    removedAtIndex: u64,
  }),
  fc
    .record({
      kind: fc.constant(MessageKind.append),
      ...head,
      prevIndex: fc.nat(),
      prevTerm: fc.constant(3),
      payloads: fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }),
      prevChain: fc.nat(),
      commitIndex: u64,
      ...clock,
    })
    .map(({ payloads, prevChain, ...rest }) => {
      const builder = new BatchBuilder(1 << 16);
      for (const payload of payloads) {
        builder.add(EntryType.normal, 1, Buffer.from(payload), 0, payload.length);
      }
      return { ...rest, batches: builder.seal(rest.prevIndex + 1, 3, 1000, prevChain) };
    }),
  fc.record({
    kind: fc.constant(MessageKind.appendReply),
    ...head,
    accepted: fc.boolean(),
    index: u64,
    hintIndex: u64,
    hintTerm: u64,
    ...clock,
  }),
  fc.record({
    kind: fc.constant(MessageKind.heartbeat),
    ...head,
    commitIndex: u64,
    leaderCommitIndex: u64,
    ...clock,
  }),
  fc.record({ kind: fc.constant(MessageKind.heartbeatReply), ...head, ...clock }),
  fc
    .record({
      kind: fc.constant(MessageKind.snapshotChunk),
      ...head,
      id: fc.string({ unit: "grapheme", maxLength: 20 }),
      index: u64,
      indexTerm: u64,
      chain: node,
      timestampMs: u64,
      membership: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      membershipIndex: u64,
      byteLength: fc.nat(),
      offset: fc.nat(),
      bytes: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    })
    .map((chunk) => ({ ...chunk, byteLength: chunk.offset + chunk.bytes.length + 7 })),
  fc.record({
    kind: fc.constant(MessageKind.snapshotReply),
    ...head,
    status: fc.constantFrom(...Object.values(SnapshotStatus)),
    id: fc.string({ unit: "grapheme", maxLength: 20 }),
    offset: u64,
    index: u64,
  }),
  fc.record({ kind: fc.constant(MessageKind.timeoutNow), ...head }),
  fc.record({ kind: fc.constant(MessageKind.readIndex), ...head, run: node, token: u64 }),
  fc.record({
    kind: fc.constant(MessageKind.readIndexReply),
    ...head,
    run: node,
    token: u64,
    index: fc.oneof(u64, fc.constant(-1)),
  }),
);

function encode(value: Message): Buffer {
  const writer = new ByteWriter();
  encodeMessageBody(writer, value);
  return writer.buf.subarray(0, writer.pos);
}

describe("message bodies", () => {
  test("every message comes back as it was", () => {
    fc.assert(
      fc.property(message, fc.nat({ max: 50 }), (value, offset) => {
        const body = encode(value);
        assert.equal(body.length, messageBytes(value));
        const buf = Buffer.concat([Buffer.alloc(offset, 0xff), body, Buffer.alloc(3, 0xff)]);
        const decoded = decodeMessageBody(value.kind, buf, offset, offset + body.length);
        assert.deepEqual(decoded, { message: { ...value }, fault: null });
      }),
    );
  });

  test("entries of a decoded append do not live in the receive buffer", () => {
    const builder = new BatchBuilder(1 << 16);
    builder.add(EntryType.normal, 1, Buffer.from("payload"), 0, 7);
    const body = encode({
      kind: MessageKind.append,
      from: 1,
      to: 2,
      term: 3,
      prevIndex: 0,
      prevTerm: 0,
      batches: builder.seal(1, 3, 0, 0),
      commitIndex: 0,
      sentAtMs: 0,
      readToken: 0,
    });
    const { message: decoded } = decodeMessageBody(MessageKind.append, body, 0, body.length);
    const before = JSON.stringify(decoded);
    body.fill(0xee);
    assert.equal(JSON.stringify(decoded), before);
  });

  test("every truncation and every extra byte is refused", () => {
    fc.assert(
      fc.property(message, (value) => {
        const body = encode(value);
        for (let end = 0; end < body.length; end++) {
          const { fault, message: part } = decodeMessageBody(value.kind, body, 0, end);
          // An append may end between two records: it is a shorter append then.
          // An id may be shorter: the reply is then about another snapshot.
          const mayBeShorter =
            part?.kind === MessageKind.append || part?.kind === MessageKind.snapshotReply;
          assert.ok(fault !== null || mayBeShorter, `end ${end}`);
        }
        const longer = Buffer.concat([body, Buffer.alloc(1)]);
        const isReply = value.kind === MessageKind.snapshotReply;
        assert.ok(isReply || decodeMessageBody(value.kind, longer, 0, longer.length).fault);
      }),
      { numRuns: 50 },
    );
  });

  test("garbage gives a fault, never an exception", () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), fc.uint8Array({ maxLength: 200 }), (kind, bytes) => {
        const buf = Buffer.from(bytes);
        const { message: decoded, fault } = decodeMessageBody(kind, buf, 0, buf.length);
        assert.equal(decoded === null, fault !== null);
      }),
      { numRuns: 2000 },
    );
  });
});
