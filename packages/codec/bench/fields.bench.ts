// What does a field cost, and from which length on is a native copy cheaper than a loop?
import { ByteReader, ByteWriter } from "@dt/codec";
import { heading, measure } from "./measure.ts";

const writer = new ByteWriter(1 << 16);
const source = Buffer.allocUnsafeSlow(1 << 16).fill(7);
const ROOM = 1 << 15;

function write(name: string, field: (writer: ByteWriter, at: number) => void): void {
  measure(`write ${name}`, (count) => {
    writer.reset();
    for (let at = 0; at < count; at++) {
      field(writer, at);
      if (writer.pos > ROOM) {
        writer.reset();
      }
    }
    return writer.pos;
  });
}

function loop(target: Buffer, pos: number, start: number, end: number): void {
  for (let from = start, to = pos; from < end; from++, to++) {
    target[to] = source[from] ?? 0;
  }
}

heading("fields");
write("u8", (w, at) => w.u8(at));
write("u32", (w, at) => w.u32(at));
write("u64 < 2^32", (w, at) => w.u64(at));
write("u64 > 2^32", (w, at) => w.u64(at + 2 ** 40));
write("varint < 128", (w, at) => w.varint(at & 127));
write("varint < 2^31", (w, at) => w.varint(at));
write("varint > 2^31", (w, at) => w.varint(at + 2 ** 40));
write("zigzag", (w, at) => w.zigzag(-at));
for (const length of [8, 16, 32, 48, 64, 128, 1024]) {
  write(`range of ${length}`, (w, at) => w.range(source, at & 1023, (at & 1023) + length));
  measure(`  loop of ${length}`, (count) => {
    for (let at = 0; at < count; at++) {
      loop(writer.buf, at & 1023, at & 511, (at & 511) + length);
    }
    return writer.buf[7] ?? 0;
  });
  measure(`  Buffer.copy of ${length}`, (count) => {
    for (let at = 0; at < count; at++) {
      source.copy(writer.buf, at & 1023, at & 511, (at & 511) + length);
    }
    return writer.buf[7] ?? 0;
  });
  measure(`  set of a view of ${length}`, (count) => {
    for (let at = 0; at < count; at++) {
      writer.buf.set(source.subarray(at & 511, (at & 511) + length), at & 1023);
    }
    return writer.buf[7] ?? 0;
  });
}

const record = new ByteWriter();
const FIELDS = 1000;
for (let at = 0; at < FIELDS; at++) {
  record.u32(at);
  record.u64(at + 2 ** 33);
  record.varint(at);
}
const reader = new ByteReader();
measure("read u32 + u64 + varint", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    if (at % FIELDS === 0) {
      reader.attach(record.buf, 0, record.pos);
    }
    sum += reader.u32() + reader.u64() + reader.varint();
  }
  return sum;
});
