import type { ClusterView } from "./cluster-view.ts";

/** A failed call with what the cluster looked like right after it. */
export class CallFailure extends Error {
  override readonly name = "CallFailure" as const;
  readonly view: ClusterView;
  /** Where the addresses came from. */
  readonly from: string;

  /** The call only read: a lost answer leaves no write to be found out about. */
  readonly isRead: boolean;

  constructor(cause: unknown, view: ClusterView, from: string, isRead: boolean = false) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.view = view;
    this.from = from;
    this.isRead = isRead;
  }
}
