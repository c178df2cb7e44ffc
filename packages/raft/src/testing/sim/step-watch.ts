import type { Message } from "../../core/message.ts";
import type { Write } from "../../core/output.ts";
import type { SimNode } from "./sim-node.ts";

/** Who watches the steps of all nodes, see `Invariants`. */
export interface StepWatch {
  started(node: SimNode): void;
  /** After every input; output may be waiting. */
  stepped(node: SimNode): void;
  /** Before and after the disk is given a write. */
  writing(node: SimNode, write: Write): void;
  wrote(node: SimNode, write: Write): void;
  sending(node: SimNode, message: Message): void;
  /** After all output was taken and acted on. */
  taken(node: SimNode): void;
  applied(node: SimNode, index: number, term: number, digest: number): void;
  died(node: SimNode): void;
}
