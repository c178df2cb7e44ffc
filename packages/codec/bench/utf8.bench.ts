// Up to which length is a loop over ASCII cheaper than native code?
import { readUtf8, utf8Length, writeUtf8 } from "@dt/codec";
import { heading, measure } from "./measure.ts";

const buf = Buffer.allocUnsafeSlow(4096).fill(0x61);

function loop(target: Buffer, pos: number, text: string): number {
  for (let at = 0; at < text.length; at++) {
    target[pos + at] = text.charCodeAt(at);
  }
  return pos + text.length;
}

heading("utf8");
for (const length of [4, 8, 12, 16, 24, 32, 64, 128]) {
  const texts = Array.from({ length: 64 }, (_, at) =>
    Buffer.from(String(at).padStart(length, "k")).toString("latin1"),
  );
  const each = (run: (text: string, at: number) => number) => (count: number) => {
    let sum = 0;
    for (let at = 0; at < count; at++) {
      sum += run(texts[at & 63] ?? "", at & 255);
    }
    return sum;
  };
  measure(
    `${length} chars: writeUtf8`,
    each((text, at) => writeUtf8(buf, at, text)),
  );
  measure(
    `${length} chars:   loop`,
    each((text, at) => loop(buf, at, text)),
  );
  measure(
    `${length} chars:   Buffer.write`,
    each((text, at) => buf.write(text, at)),
  );
  measure(
    `${length} chars: utf8Length`,
    each((text) => utf8Length(text)),
  );
  measure(
    `${length} chars: readUtf8`,
    each((_, at) => readUtf8(buf, at, at + length).length),
  );
}
