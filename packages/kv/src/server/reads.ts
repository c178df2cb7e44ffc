// Hot path: per read. Bench: bench/handlers.bench.ts. No promises.
import { failRequest } from "@dt/raft";
import type { RaftError, ReadWaiter } from "@dt/raft";
import type { IncomingRequest } from "@dt/rpc";
import { encodeBatchGetReply } from "../command/batch-get.ts";
import type { BatchGetOutcome } from "../command/batch-get.ts";
import { encodeGetReply } from "../command/get.ts";
import { encodeCountReply, encodeListReply } from "../command/list.ts";
import type { ListFields } from "../command/list.ts";
import { Refusal } from "../refusal.ts";
import type { ByteKey } from "../store/byte-key.ts";
import { DirectoryNode, ValueNode } from "../store/node.ts";
import { countNodes, listPage } from "../store/page.ts";
import type { Tree } from "../store/tree.ts";
import type { ResolvedKvServerOptions } from "./options.ts";
import { refuse } from "./refuse.ts";

/** A read that waits until the tree may be read. It keeps no view of the request's bytes. */
abstract class WaitingRead implements ReadWaiter {
  protected readonly request: IncomingRequest;
  protected readonly tree: Tree;

  constructor(request: IncomingRequest, tree: Tree) {
    this.request = request;
    this.tree = tree;
  }

  abstract ready(): void;

  fail(error: RaftError): void {
    failRequest(this.request, error);
  }
}

export class WaitingGet extends WaitingRead {
  readonly #key: ByteKey;

  constructor(request: IncomingRequest, tree: Tree, key: ByteKey) {
    super(request, tree);
    this.#key = key;
  }

  ready(): void {
    this.request.reply(encodeGetReply, this.tree.find(this.#key));
  }
}

export class WaitingBatchGet extends WaitingRead {
  readonly #keys: readonly (ByteKey | Refusal)[];
  readonly #options: ResolvedKvServerOptions;

  constructor(
    request: IncomingRequest,
    tree: Tree,
    keys: readonly (ByteKey | Refusal)[],
    options: ResolvedKvServerOptions,
  ) {
    super(request, tree);
    this.#keys = keys;
    this.#options = options;
  }

  ready(): void {
    const { maxReplyBytes } = this.#options;
    const outcomes: BatchGetOutcome[] = [];
    let bytes = 0;
    for (const key of this.#keys) {
      if (bytes >= maxReplyBytes) {
        break;
      }
      const outcome = typeof key === "number" ? key : this.tree.find(key);
      outcomes.push(outcome);
      bytes += outcome instanceof ValueNode ? outcome.valueLength : 0;
    }
    this.request.reply(encodeBatchGetReply, { revision: this.tree.revision, outcomes });
  }
}

export class WaitingList extends WaitingRead {
  readonly #fields: ListFields;
  readonly #options: ResolvedKvServerOptions;

  constructor(
    request: IncomingRequest,
    tree: Tree,
    fields: ListFields,
    options: ResolvedKvServerOptions,
  ) {
    super(request, tree);
    this.#fields = fields;
    this.#options = options;
  }

  ready(): void {
    const { directory, isCountOnly, isKeysOnly, isRecursive, startAfter } = this.#fields;
    const { revision } = this.tree;
    const node = this.tree.find(directory);
    if (node instanceof ValueNode) {
      refuse(this.request, Refusal.notDirectory);
      return;
    }
    if (isCountOnly) {
      const count = node instanceof DirectoryNode ? countNodes(node, isRecursive) : 0;
      this.request.reply(encodeCountReply, { revision, count });
      return;
    }
    const { maxListEntries, maxReplyBytes } = this.#options;
    const page =
      node instanceof DirectoryNode
        ? listPage(this.tree, node, {
            isRecursive,
            startAfter,
            limit: Math.min(this.#fields.limit || maxListEntries, maxListEntries),
            maxBytes: maxReplyBytes,
            isKeysOnly,
          })
        : NO_PAGE;
    this.request.reply(encodeListReply, { revision, page, isKeysOnly });
  }
}

/** A directory that is not there has nothing in it. */
const NO_PAGE = { nodes: [], hasMore: false } as const;
