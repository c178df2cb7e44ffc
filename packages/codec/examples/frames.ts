import { ByteReader, ByteWriter, FrameDecoder } from "@dt/codec";

const reader = new ByteReader();
export const received: string[] = [];
const sink = {
  onFrame(buf: Buffer, start: number, end: number): void {
    reader.attach(buf, start, end);
    received.push(`${reader.u64()} ${reader.utf8(reader.remaining)}`);
  },
};
const decoder = new FrameDecoder({ maxFrameBytes: 1024, minFrameBytes: 8 }, sink);

const writer = new ByteWriter();
writer.u32(13);
writer.u64(42);
writer.utf8("hello");
decoder.push(writer.buf.subarray(0, 10));
decoder.push(writer.buf.subarray(10, writer.pos));
