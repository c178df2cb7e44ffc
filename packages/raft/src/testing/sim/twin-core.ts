import type { Input } from "../../core/input.ts";
import type { Output } from "../../core/output.ts";
import type { RaftCore } from "../../core/raft-core.ts";
import { ensure } from "./sim-failure.ts";

/** Outputs for which a clone and its original are compared. */
const COMPARED_OUTPUTS = 20;

/**
 * A core that can go on as its own clone. For a while the original gets the same inputs beside it:
 * a clone that lacks something, or shares something, soon differs.
 */
export class TwinCore {
  #core: RaftCore;
  #original: RaftCore | null = null;
  #compared = 0;

  constructor(core: RaftCore) {
    this.#core = core;
  }

  get core(): RaftCore {
    return this.#core;
  }

  step(input: Input, nowMs: number, wallMs: number): void {
    this.#core.step(input, nowMs, wallMs);
    this.#original?.step(input, nowMs, wallMs);
  }

  take(): Output {
    const output = this.#core.take();
    if (this.#original !== null) {
      this.#original.take();
      this.#compare(this.#original);
    }
    return output;
  }

  /** Goes on as a clone. */
  cloneNow(): void {
    this.#original = this.#core;
    this.#core = this.#core.clone();
    this.#compared = 0;
    this.#compare(this.#original);
  }

  #compare(original: RaftCore): void {
    ensure(original.digest() === this.#core.digest(), "clone", "a clone parts from its original");
    this.#compared++;
    if (this.#compared > COMPARED_OUTPUTS) {
      this.#original = null;
    }
  }
}
