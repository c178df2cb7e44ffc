import { crc32 } from "@dt/codec";
import { type FileHandle, open } from "node:fs/promises";
import type { SnapshotMeta } from "@dt/raft";
import { CliError } from "../cli-error.ts";

/**
 * A snapshot in one file: magic, bytes of the head (4), crc of the head (4), the head in JSON, then the
 * content, then its crc (4). Numbers are big-endian.
 */
const MAGIC = Buffer.from("DTSNAPF1", "latin1");
const HEAD_AT = 16;
const MAX_HEAD_BYTES = 16 << 20;
const CHUNK_BYTES = 1 << 20;

export interface SavedHead {
  readonly groupId: number;
  readonly meta: SnapshotMeta;
}

/** Makes the file; it is synced when the promise resolves, and gone when it rejects. */
export async function writeSnapshotFile(
  handle: FileHandle,
  { groupId, meta }: SavedHead,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const membership = meta.membership.toString("base64");
  const head = Buffer.from(JSON.stringify({ groupId, ...meta, membership }));
  const start = Buffer.alloc(HEAD_AT);
  MAGIC.copy(start);
  start.writeUInt32BE(head.length, 8);
  start.writeUInt32BE(crc32(head, 0, head.length), 12);
  await handle.writeFile(Buffer.concat([start, head]));
  let crc = 0;
  for await (const chunk of content) {
    crc = crc32(chunk, 0, chunk.length, crc);
    await handle.writeFile(chunk);
  }
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc);
  await handle.writeFile(end);
  await handle.sync();
}

/** A file that was saved, its head checked. */
export class SnapshotFile {
  readonly head: SavedHead;
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #contentAt: number;

  private constructor(handle: FileHandle, path: string, head: SavedHead, contentAt: number) {
    this.#handle = handle;
    this.#path = path;
    this.head = head;
    this.#contentAt = contentAt;
  }

  /** Throws DT_CLI_FILE for a file that is none of these, or is not whole. */
  static async open(path: string): Promise<SnapshotFile> {
    const handle = await open(path, "r").catch((cause: Error) => {
      throw new CliError({ code: "DT_CLI_FILE", file: path, reason: cause.message }, { cause });
    });
    try {
      const start = await readAt(handle, 0, HEAD_AT);
      const headBytes = start.length === HEAD_AT ? start.readUInt32BE(8) : MAX_HEAD_BYTES + 1;
      if (!start.subarray(0, 8).equals(MAGIC) || headBytes > MAX_HEAD_BYTES) {
        throw broken(path, "it is not a saved snapshot");
      }
      const bytes = await readAt(handle, HEAD_AT, headBytes);
      if (bytes.length !== headBytes || crc32(bytes, 0, headBytes) !== start.readUInt32BE(12)) {
        throw broken(path, "its head fails its checksum");
      }
      const { groupId, membership, ...meta } = JSON.parse(bytes.toString()) as Omit<
        SnapshotMeta,
        "membership"
      > & { groupId: number; membership: string };
      const head = { groupId, meta: { ...meta, membership: Buffer.from(membership, "base64") } };
      const { size } = await handle.stat();
      if (size !== HEAD_AT + headBytes + meta.byteLength + 4) {
        throw broken(path, "it is not whole");
      }
      return new SnapshotFile(handle, path, head, HEAD_AT + headBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The content; throws DT_CLI_FILE at its end when it fails its checksum. */
  async *content(): AsyncGenerator<Buffer, void> {
    const { byteLength } = this.head.meta;
    let crc = 0;
    for (let at = 0; at < byteLength; at += CHUNK_BYTES) {
      const bytes = Math.min(CHUNK_BYTES, byteLength - at);
      const chunk = await readAt(this.#handle, this.#contentAt + at, bytes);
      crc = crc32(chunk, 0, chunk.length, crc);
      yield chunk;
    }
    const end = await readAt(this.#handle, this.#contentAt + byteLength, 4);
    if (end.length !== 4 || end.readUInt32BE(0) !== crc) {
      throw broken(this.#path, "its content fails its checksum");
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function readAt(handle: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const into = Buffer.alloc(bytes);
  const { bytesRead } = await handle.read(into, 0, bytes, position);
  return into.subarray(0, bytesRead);
}

function broken(file: string, reason: string): CliError {
  return new CliError({ code: "DT_CLI_FILE", file, reason });
}
