import type { Readable, Writable } from "node:stream";

/** What the program reads and writes: the process's own, or that of a test. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process;
  // A closed pipe fails the write that meets it; as an event it would end the process.
  stdout.on("error", () => undefined);
  stderr.on("error", () => undefined);
  return { env, cwd: process.cwd(), stdin, stdout, stderr };
}

/** Resolves when the bytes are handed over, so that large output does not gather in memory. */
export function print(stream: Writable, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error) {
        reject(error);
      } else {
        resolve();
      }
    });
  });
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk as Uint8Array));
  }
  return Buffer.concat(chunks);
}
