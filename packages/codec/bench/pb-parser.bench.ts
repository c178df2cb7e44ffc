// What does the streaming parser cost per message, beside decoding it into an object?
import { ByteWriter, PbParser, type PbSink, decodeMessage, encodeMessage } from "@dt/codec";
import { Sample } from "../test/src/gen/sample.ts";
import { heading, measure } from "./measure.ts";

class Counter implements PbSink {
  sum = 0;
  begin(byteCount: number): void {
    this.sum += byteCount;
  }
  varNumber(_field: number, _high: number, low: number): void {
    this.sum += low;
  }
  fixed32(_field: number, value: number): void {
    this.sum += value;
  }
  fixed64(_field: number, _high: number, low: number): void {
    this.sum += low;
  }
  bytes(_field: number, _count: number, _at: number, _buf: Buffer, start: number, end: number) {
    this.sum += end - start;
  }
  end(): void {
    this.sum++;
  }
}

const writer = new ByteWriter();
encodeMessage(
  writer,
  Sample,
  Sample.fromPartial({
    aUint64: 2 ** 40,
    aUint32: 300,
    aString: "a key of 20 letters!",
    aBytes: Buffer.alloc(128, 1),
    aFixed64: 7,
    aBool: true,
  }),
);
const { buf, pos: length } = writer;
const parser = new PbParser();
const counter = new Counter();

heading("streaming parser, 6 fields, 179 bytes");
for (const step of [length, 50, 1]) {
  measure(`parse in parts of ${step}`, (count) => {
    for (let at = 0; at < count; at++) {
      parser.start(length, counter);
      for (let pos = 0; pos < length; pos += step) {
        parser.push(buf, pos, Math.min(length, pos + step));
      }
    }
    return counter.sum | 0;
  });
}
measure("decodeMessage of the whole", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += decodeMessage(Sample, buf, 0, length).aUint32;
  }
  return sum;
});
