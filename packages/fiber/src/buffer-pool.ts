/**
 * Lends working buffers to the fibers of one dispatcher. A buffer belongs to whoever acquired it until it is
 * released once; views of it die with the release. `SlabPool` of `@dt/codec` is one.
 */
export interface BufferPool {
  /** Of the pool's own size; its contents are undefined. */
  acquire(): Buffer;
  /** Takes back what `acquire` returned, not a view of it. */
  release(buffer: Buffer): void;
}

/** Keeps nothing: every buffer is new and goes to the garbage collector. */
export class UnpooledBuffers implements BufferPool {
  readonly #bufferBytes: number;

  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes;
  }

  acquire(): Buffer {
    return Buffer.allocUnsafeSlow(this.#bufferBytes);
  }

  release(_buffer: Buffer): void {
    // Nobody else has it.
  }
}
