import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ByteReader,
  ByteWriter,
  readUint64,
  utf8Length,
  varintLength,
  writeUint64,
} from "@dt/codec";

interface Field {
  readonly kind: string;
  write(writer: ByteWriter): void;
  /** Reads the field back and compares. */
  check(reader: ByteReader): void;
}

const unsigned = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 300 }));
const signed = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -300, max: 300 }));
const text = fc.string({ unit: "binary", maxLength: 80 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array): Buffer => Buffer.from(array));

function field<T>(
  kind: string,
  value: fc.Arbitrary<T>,
  write: (writer: ByteWriter, value: T) => void,
  read: (reader: ByteReader, value: T) => T,
): fc.Arbitrary<Field> {
  return value.map((each) => ({
    kind,
    write: (writer) => write(writer, each),
    check: (reader) => {
      expect(read(reader, each)).toEqual(each);
    },
  }));
}

const fields = fc.array(
  fc.oneof(
    field(
      "u8",
      fc.nat({ max: 0xff }),
      (w, v) => w.u8(v),
      (r) => r.u8(),
    ),
    field(
      "u16",
      fc.nat({ max: 0xffff }),
      (w, v) => w.u16(v),
      (r) => r.u16(),
    ),
    field(
      "u32",
      fc.nat({ max: 0xffff_ffff }),
      (w, v) => w.u32(v),
      (r) => r.u32(),
    ),
    field(
      "u64",
      unsigned,
      (w, v) => w.u64(v),
      (r) => r.u64(),
    ),
    field(
      "varint",
      unsigned,
      (w, v) => w.varint(v),
      (r) => r.varint(),
    ),
    field(
      "zigzag",
      signed,
      (w, v) => w.zigzag(v),
      (r) => r.zigzag(),
    ),
    field(
      "bytes",
      bytes,
      (w, v) => w.bytes(v),
      (r, v) => r.view(v.length),
    ),
    field(
      "range",
      bytes,
      (w, v) => w.range(v, 0, v.length),
      (r, v) => r.view(v.length),
    ),
    field(
      "utf8",
      text,
      (w, v) => w.utf8(v),
      (r, v) => r.utf8(utf8Length(v)),
    ),
    field(
      "lenUtf8",
      text,
      (w, v) => w.lenUtf8(v),
      (r) => r.utf8(r.varint()),
    ),
    field(
      "lenBytes",
      bytes,
      (w, v) => w.lenBytes(v),
      (r) => r.view(r.varint()),
    ),
  ),
  { maxLength: 40 },
);

describe("any sequence of fields", () => {
  it("is read back equal, from a writer of any initial size", () => {
    fc.assert(
      fc.property(fields, fc.nat({ max: 600 }), (sequence, size) => {
        const writer = new ByteWriter(size);
        for (const each of sequence) {
          each.write(writer);
        }
        const reader = new ByteReader().attach(writer.buf, 0, writer.pos);
        for (const each of sequence) {
          each.check(reader);
        }
        reader.expectEnd();
      }),
      { numRuns: 500 },
    );
  });
});

describe("numbers", () => {
  it("are big-endian as Node writes them", () => {
    fc.assert(
      fc.property(unsigned, (value) => {
        const buf = Buffer.alloc(8);
        writeUint64(buf, 0, value);
        expect(buf.readBigUInt64BE()).toBe(BigInt(value));
        expect(readUint64(buf, 0)).toBe(value);
        const writer = new ByteWriter();
        writer.u16(value % 0x1_0000);
        writer.u32(value % 0x1_0000_0000);
        expect(writer.buf.readUInt16BE(0)).toBe(value % 0x1_0000);
        expect(writer.buf.readUInt32BE(2)).toBe(value % 0x1_0000_0000);
      }),
    );
  });

  it("take as many bytes as varints as varintLength says", () => {
    fc.assert(
      fc.property(unsigned, (value) => {
        const writer = new ByteWriter();
        writer.varint(value);
        expect(writer.pos).toBe(varintLength(value));
      }),
    );
  });
});
