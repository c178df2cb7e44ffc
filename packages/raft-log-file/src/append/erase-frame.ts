import { writeAll } from "../file-io.ts";
import type { Done, StoredFile } from "../file-system.ts";
import { FRAME_BYTES } from "../format/flush-frame.ts";
import { isOutOfSpace } from "../log-error.ts";

const NO_FRAME: Buffer = Buffer.alloc(FRAME_BYTES);

/** Writes zeros over the frame of a flush that failed for lack of space, and syncs them. */
export function eraseFrame(file: StoredFile, at: number, hadSpace: boolean, done: Done): void {
  writeAll(file, NO_FRAME, 0, FRAME_BYTES, at, (error) => {
    if (error === null) {
      file.sync(done);
    } else {
      // When the frame finds no space, now or before, nothing was left there.
      done(!hadSpace && isOutOfSpace(error) ? null : error);
    }
  });
}
