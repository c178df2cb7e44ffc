import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { EventLog } from "../test/event-log.ts";
import { PbParser } from "./pb-parser.ts";

function parse(hex: string): string[] {
  const buf = Buffer.from(hex, "hex");
  const log = new EventLog();
  const parser = new PbParser();
  parser.start(buf.length, log);
  parser.push(buf, 0, buf.length);
  return log.events;
}

describe("PbParser", () => {
  it("reports fields in order, numbers as two halves", () => {
    expect(parse("089601" + "1500000080" + "190100000002000000" + "220161" + "2a00")).toEqual([
      "begin 22",
      "1 varint 0 150",
      "2 fixed32 2147483648",
      "3 fixed64 2 1",
      "4 bytes 61",
      "5 bytes ",
      "end true",
    ]);
  });

  it("gives the 64 bits of a negative number", () => {
    expect(parse("08ffffffffffffffffff01")).toEqual([
      "begin 11",
      "1 varint 4294967295 4294967295",
      "end true",
    ]);
  });

  it("ends an empty message at once", () => {
    expect(parse("")).toEqual(["begin 0", "end true"]);
  });

  it("uses no byte behind the message, and none when idle", () => {
    const log = new EventLog();
    const parser = new PbParser();
    const buf = Buffer.from("ee0801ee", "hex");
    expect(parser.push(buf, 0, 4)).toBe(0);
    parser.start(2, log);
    expect(parser.push(buf, 1, 4)).toBe(3);
    expect(parser.isIdle).toBe(true);
    expect(parser.push(buf, 3, 4)).toBe(3);
    expect(log.events).toEqual(["begin 2", "1 varint 0 1", "end true"]);
  });

  it("hands out parts of a field as they arrive, with their place in it", () => {
    const parts: (string | number)[][] = [];
    const log = new EventLog();
    log.onBytes = (field, byteCount, offset, buf, start, end) => {
      parts.push([field, byteCount, offset, buf.toString("latin1", start, end)]);
    };
    const parser = new PbParser();
    parser.start(7, log);
    parser.push(Buffer.from("0a05ab", "hex"), 0, 3);
    parser.push(Buffer.from("xcdx"), 1, 3);
    parser.push(Buffer.from("ef"), 0, 2);
    expect(parts).toEqual([
      [1, 5, 0, "\u00ab"],
      [1, 5, 1, "cd"],
      [1, 5, 3, "ef"],
    ]);
  });

  it.each([
    ["the start of a group", "0b"],
    ["the end of a group", "0c"],
    ["wire type 6", "0e"],
    ["wire type 7", "0f"],
    ["field number 0", "0001"],
    ["a tag beyond 32 bits", "888080801001"],
    ["a field longer than the message", "0a0561"],
    ["a length of 2 GiB", "0affffffff0761"],
    ["a length beyond 32 bits", "0a8180808010" + "61"],
    ["a varint of eleven bytes", "08" + "80".repeat(10) + "01"],
    ["a tag cut short", "0801" + "88"],
    ["a varint cut short", "0880"],
    ["a length cut short", "0a80"],
    ["a fixed32 cut short", "0d0000"],
    ["a fixed64 cut short", "0900000000"],
    ["a tag without a value", "08"],
  ])("refuses %s, and ends exactly once", (_, hex) => {
    for (const step of [100, 1]) {
      const buf = Buffer.from(hex, "hex");
      const log = new EventLog();
      const parser = new PbParser();
      parser.start(buf.length, log);
      const code = codeOf(() => {
        for (let at = 0; at < buf.length; at += step) {
          parser.push(buf, at, Math.min(at + step, buf.length));
        }
      });
      expect(code).toBe("DT_CODEC_MESSAGE");
      expect(log.events.filter((event) => event.startsWith("end"))).toEqual(["end false"]);
      expect(log.events.at(-1)).toBe("end false");
      expect(parser.isIdle).toBe(true);
    }
  });

  it("says where in the message it went wrong, however the input is split", () => {
    const cases: [string, number][] = [
      ["0801" + "0b", 3],
      ["0801" + "12" + "7f", 4],
      ["0801" + "08" + "80".repeat(10) + "01", 3],
      ["0801" + "0880", 4],
    ];
    for (const [hex, offset] of cases) {
      const buf = Buffer.from(hex, "hex");
      for (const cut of [0, 1, 2]) {
        const parser = new PbParser();
        parser.start(buf.length, new EventLog());
        parser.push(buf, 0, cut);
        expect(() => parser.push(buf, cut, buf.length)).toThrow(`at offset ${offset}`);
      }
    }
  });

  it("ends exactly once when it is aborted, and not at all when idle", () => {
    const log = new EventLog();
    const parser = new PbParser();
    parser.abort();
    parser.start(5, log);
    parser.push(Buffer.from("0a03ab", "hex"), 0, 3);
    parser.abort();
    parser.abort();
    expect(log.events).toEqual(["begin 5", "end false"]);
  });

  it("lets the sink abort at any call and is then ready for the next message", () => {
    const buf = Buffer.from("0801" + "1500000000" + "190000000000000000" + "220161", "hex");
    for (const stopAt of ["begin", "1 ", "2 ", "3 ", "4 "]) {
      const log = new EventLog();
      const parser = new PbParser();
      log.onEvent = (event) => {
        if (event.startsWith(stopAt)) {
          parser.abort();
        }
      };
      parser.start(buf.length, log);
      parser.push(buf, 0, buf.length);
      expect(log.events.at(-1)).toBe("end false");
      expect(log.events.at(-2)?.startsWith(stopAt)).toBe(true);
      const next = new EventLog();
      parser.start(2, next);
      parser.push(buf, 0, 2);
      expect(next.events).toEqual(["begin 2", "1 varint 0 1", "end true"]);
    }
  });

  it("lets the sink start the next message when one ends", () => {
    const buf = Buffer.from("08010802", "hex");
    const second = new EventLog();
    const first = new EventLog();
    const parser = new PbParser();
    first.onEvent = (event) => {
      if (event.startsWith("end")) {
        parser.start(2, second);
      }
    };
    parser.start(2, first);
    const used = parser.push(buf, 0, 4);
    expect(used).toBe(2);
    parser.push(buf, used, 4);
    expect(second.events).toEqual(["begin 2", "1 varint 0 2", "end true"]);
  });

  it("passes on what the sink throws, after end(false)", () => {
    for (const throwAt of ["begin", "1 ", "4 "]) {
      const buf = Buffer.from("0801220161", "hex");
      const log = new EventLog();
      log.onEvent = (event) => {
        if (event.startsWith(throwAt)) {
          throw new Error("from the sink");
        }
      };
      const parser = new PbParser();
      expect(() => {
        parser.start(buf.length, log);
        parser.push(buf, 0, buf.length);
      }).toThrow("from the sink");
      expect(log.events.filter((event) => event.startsWith("end"))).toEqual(["end false"]);
      expect(parser.isIdle).toBe(true);
    }
  });

  it("parses a nested message with a second parser that gets the parts", () => {
    const inner = new EventLog();
    const child = new PbParser();
    const outer = new EventLog();
    outer.onBytes = (_, byteCount, offset, buf, start, end) => {
      if (offset === 0) {
        child.start(byteCount, inner);
      }
      child.push(buf, start, end);
    };
    const buf = Buffer.from("0a050801120161" + "1007", "hex");
    const parser = new PbParser();
    parser.start(buf.length, outer);
    for (let at = 0; at < buf.length; at++) {
      parser.push(buf, at, at + 1);
    }
    expect(inner.events).toEqual(["begin 5", "1 varint 0 1", "2 bytes 61", "end true"]);
    expect(outer.events.at(-1)).toBe("end true");
  });

  it("is used for one message at a time", () => {
    const parser = new PbParser();
    parser.start(1, new EventLog());
    expect(() => parser.start(1, new EventLog())).toThrow("has not ended");
    expect(() => new PbParser().start(-1, new EventLog())).toThrow("not a length");
  });
});
