import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeAnswer, encodeChallenge, readAuthStep } from "./auth-step-frame.ts";
import { FrameCollector } from "./frame-collector.ts";
import { encodeAcceptance, encodeOffer, encodeRefusal, readFirstFrame } from "./handshake-frame.ts";
import { Kind } from "./frame.ts";
import { Status } from "./status.ts";
import type { Identity, PeerLimits } from "./peer.ts";

const identity: Identity = {
  processId: "000102030405060708090a0b0c0d0e0f",
  nodeId: 3,
  clusterId: "c1",
  role: "node",
  capabilities: ["x"],
};
const limits: PeerLimits = {
  maxFrameBytes: 1024,
  maxInFlightRequests: 10,
  maxInFlightBytes: 2048,
};

const HELLO_HEX =
  "0d50525444" + // 1: magic "DTRP", little-endian as protobuf has it
  "1001" + // 2: major 1; minor 0 is left out
  "2210000102030405060708090a0b0c0d0e0f" + // 4: process id
  "2803" + // 5: node id
  "32026331" + // 6: cluster id
  "3a046e6f6465" + // 7: role
  "420178" + // 8: capability
  "4a08" + // 9: limits
  "088008" +
  "100a" +
  "188010";

function read(bytes: Buffer, kind: typeof Kind.request | typeof Kind.response = Kind.request) {
  return readFirstFrame(bytes.subarray(4), kind, "peer");
}

function patched(at: number, hex: string): Buffer {
  const bytes = Buffer.from(encodeOffer(identity, limits));
  Buffer.from(hex, "hex").copy(bytes, at);
  return bytes;
}

describe("the first frames", () => {
  test("of the side that connects are these bytes", () => {
    expect(encodeOffer(identity, limits).toString("hex")).toBe(
      "0000003e" + "11" + "00" + "0001" + "00000001" + "00000000" + HELLO_HEX,
    );
  });

  test("of the other side are these bytes", () => {
    expect(encodeAcceptance(1, identity, limits).toString("hex")).toBe(
      "0000003e" + "12" + "00" + "0001" + "00000001" + "00000000" + HELLO_HEX,
    );
  });

  test("that refuse are these bytes", () => {
    const refusal = { status: Status.denied, code: "NO", message: "why" };
    expect(encodeRefusal(1, refusal).toString("hex")).toBe(
      "00000016" +
        "12" +
        "02" +
        "0001" +
        "00000001" +
        "00000003" +
        "0005010002" +
        "4e4f" +
        "776879",
    );
  });

  test("of an authentication are these bytes", () => {
    const challenge = encodeChallenge(1, Buffer.from("ask"));
    const answer = encodeAnswer(1, Buffer.from("tell"));
    expect(challenge.toString("hex")).toBe("0000000f" + "11000005" + "0000000100000000" + "61736b");
    expect(answer.toString("hex")).toBe("00000010" + "12000005" + "0000000100000000" + "74656c6c");
    const step = { seq: 1, data: Buffer.from("ask") };
    expect(readAuthStep(challenge.subarray(4), Kind.request)).toEqual(step);
    expect(readAuthStep(challenge.subarray(4), Kind.response)).toBeNull();
  });

  test("are read back", () => {
    const proved = { kind: "anonymous", name: "" };
    const peer = { ...identity, limits, protocolMinor: 0, address: "peer", identity: proved };
    expect(read(encodeOffer(identity, limits))).toEqual({
      kind: "hello",
      seq: 1,
      peer,
      auth: null,
    });
    const auth = { mechanism: "TOKEN", data: Buffer.from("secret") };
    expect(read(encodeAcceptance(7, identity, limits, auth), Kind.response)).toEqual({
      kind: "hello",
      seq: 7,
      peer,
      auth,
    });
  });

  test("that refuse are read back as an error", () => {
    const refusal = { status: Status.denied, code: "NO", message: "why" };
    const first = read(encodeRefusal(1, refusal), Kind.response);
    expect(first.kind === "refusal" && first.error).toMatchObject({
      code: "DT_RPC_REFUSED",
      status: Status.denied,
      remoteCode: "NO",
      mayHaveExecuted: false,
    });
  });

  test("skip fields of a later version", () => {
    const hello = encodeOffer(identity, limits);
    const later = Buffer.concat([hello, Buffer.from("a20603616263", "hex")]);
    later.writeUInt32BE(later.length - 4, 0);
    expect(read(later)).toMatchObject({ kind: "hello", peer: { nodeId: 3 } });
  });

  test.each([
    ["another header version", patched(4, "21"), "DT_RPC_HEADER_VERSION", Status.notSupported],
    ["a response first", patched(4, "12"), "DT_RPC_FIRST_FRAME", Status.invalid],
    ["a one-way first", patched(4, "13"), "DT_RPC_FIRST_FRAME", Status.invalid],
    ["an unknown kind", patched(4, "1f"), "DT_RPC_FIRST_FRAME", Status.invalid],
    ["flags", patched(5, "01"), "DT_RPC_FIRST_FRAME", Status.notSupported],
    ["another command", patched(6, "0100"), "DT_RPC_FIRST_FRAME", Status.invalid],
    ["another magic", patched(17, "ff"), "DT_RPC_MAGIC", Status.invalid],
    ["another major version", patched(22, "02"), "DT_RPC_PROTOCOL_VERSION", Status.notSupported],
    ["a body that is no message", patched(16, "ff"), "DT_RPC_FIRST_FRAME", Status.invalid],
  ])("with %s are refused", (_name, bytes, code, status) => {
    expect(read(bytes)).toMatchObject({ kind: "violation", refusal: { code, status } });
  });

  test.each([
    ["a short process id", { ...identity, processId: "0102" }, limits],
    ["no room for frames", identity, { ...limits, maxFrameBytes: 100 }],
    ["no room for requests", identity, { ...limits, maxInFlightRequests: 0 }],
    ["no room for bytes", identity, { ...limits, maxInFlightBytes: 0 }],
  ])("with %s are refused", (_name, who, what) => {
    expect(read(encodeOffer(who, what))).toMatchObject({
      kind: "violation",
      refusal: { code: "DT_RPC_FIRST_FRAME" },
    });
  });

  test("that refuse with a code that is no text still refuse", () => {
    const bytes = encodeRefusal(1, { status: Status.denied, code: "NO", message: "why" });
    bytes[bytes.indexOf("NO")] = 0xff;
    const first = read(bytes, Kind.response);
    expect(first.kind === "refusal" && first.error).toMatchObject({
      code: "DT_RPC_REFUSED",
      status: Status.denied,
      remoteCode: null,
    });
  });

  test("cut off anywhere are refused", () => {
    const offer = encodeOffer(identity, limits);
    for (let length = 12; length < offer.length - 4; length++) {
      const first = readFirstFrame(offer.subarray(4, 4 + length), Kind.request, "peer");
      expect(first.kind).toBe("violation");
    }
  });
});

describe("FrameCollector", () => {
  test("finds the frame and what follows it in any split of the bytes", () => {
    const offer = encodeOffer(identity, limits);
    const bytes = Buffer.concat([offer, Buffer.from("rest")]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length })), (cuts) => {
        const collector = new FrameCollector(1000);
        const ends = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
        let start = 0;
        for (const end of ends) {
          collector.push(bytes.subarray(start, end));
          const result = collector.next();
          start = end;
          if (end < offer.length) {
            expect(result).toBeNull();
            continue;
          }
          expect(result).toEqual(offer.subarray(4));
          expect(collector.rest).toEqual(bytes.subarray(offer.length, end));
          return;
        }
      }),
    );
  });

  test.each(["00000000", "0000000b", "000003e9", "47455420"])("refuses length %s", (hex) => {
    const collector = new FrameCollector(1000);
    collector.push(Buffer.from(hex, "hex"));
    expect(collector.next()).toMatchObject({ code: "DT_RPC_FIRST_FRAME" });
  });
});
