// What does a frame cost when it lies in a chunk, and when every frame straddles two?
import { FrameDecoder } from "@dt/codec";
import { heading, measure } from "./measure.ts";

const FRAME_BYTES = 128;
const CHUNK_BYTES = 65_536;

let frameCount = 0;
let sum = 0;
const sink = {
  onFrame(buf: Buffer, start: number, end: number): void {
    frameCount++;
    sum += (buf[start] ?? 0) + end;
  },
};

const stream = Buffer.alloc(((CHUNK_BYTES / (FRAME_BYTES + 4)) | 0) * (FRAME_BYTES + 4));
for (let pos = 0; pos < stream.length; pos += FRAME_BYTES + 4) {
  stream.writeUInt32BE(FRAME_BYTES, pos);
}
const whole = [stream];
const shifted = [stream.subarray(0, 1000), stream.subarray(1000)];
const pieces: Buffer[] = [];
for (let pos = 0; pos < stream.length; pos += 100) {
  pieces.push(stream.subarray(pos, pos + 100));
}

heading("frame decoder, 128-byte frames");
for (const [name, chunks] of [
  ["chunks of 64 KiB", whole],
  ["one straddling frame per 64 KiB", shifted],
  ["chunks of 100 bytes, every frame straddles", pieces],
] as const) {
  const decoder = new FrameDecoder({ maxFrameBytes: 1 << 20, minFrameBytes: 12 }, sink);
  measure(`one frame, ${name}`, (count) => {
    const last = frameCount + count;
    while (frameCount < last) {
      for (const chunk of chunks) {
        decoder.push(chunk);
      }
    }
    return sum;
  });
}
