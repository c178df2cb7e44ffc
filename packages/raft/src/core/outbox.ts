import type { AdminAnswer } from "./config-request.ts";
import type { Message } from "./message.ts";
import type { LogReadRequest, ProposeDrop, ReadDrop, ReadGrant, SnapshotWork } from "./output.ts";

/** What the steps since the last `take` produced, apart from what `take` derives from the state. */
export class Outbox {
  messages: Message[] = [];
  readGrants: ReadGrant[] = [];
  readDrops: ReadDrop[] = [];
  proposeDrops: ProposeDrop[] = [];
  logReads: LogReadRequest[] = [];
  snapshotWork: SnapshotWork | null = null;
  answers: AdminAnswer[] = [];
  /** Role, term or leader changed. */
  hasRoleChange = false;
  hasLostLeadership = false;
  /** Another configuration is active. */
  hasConfigurationChange = false;

  get isEmpty(): boolean {
    return (
      this.messages.length === 0 &&
      this.readGrants.length === 0 &&
      this.readDrops.length === 0 &&
      this.proposeDrops.length === 0 &&
      this.logReads.length === 0 &&
      this.snapshotWork === null &&
      this.answers.length === 0 &&
      !this.hasRoleChange &&
      !this.hasLostLeadership &&
      !this.hasConfigurationChange
    );
  }

  /** What snapshots need, to be added to. */
  snapshots(): SnapshotWork {
    this.snapshotWork ??= { install: null, sends: [], chunks: [], replies: [] };
    return this.snapshotWork;
  }

  /** Who does not lead sends no snapshot. */
  dropSnapshotSends(): void {
    if (this.snapshotWork !== null) {
      this.snapshotWork.sends.length = 0;
    }
  }

  /** Starts over with new arrays: the old ones were handed out. */
  reset(): void {
    this.messages = [];
    this.readGrants = [];
    this.readDrops = [];
    this.proposeDrops = [];
    this.logReads = [];
    this.snapshotWork = null;
    this.answers = [];
    this.hasRoleChange = false;
    this.hasLostLeadership = false;
    this.hasConfigurationChange = false;
  }

  clone(): Outbox {
    const copy = new Outbox();
    copy.messages = this.messages.slice();
    copy.readGrants = this.readGrants.slice();
    copy.readDrops = this.readDrops.slice();
    copy.proposeDrops = this.proposeDrops.slice();
    copy.logReads = this.logReads.slice();
    if (this.snapshotWork !== null) {
      const { install, sends, chunks, replies } = this.snapshotWork;
      copy.snapshotWork = {
        install,
        sends: sends.slice(),
        chunks: chunks.slice(),
        replies: replies.slice(),
      };
    }
    copy.answers = this.answers.slice();
    copy.hasRoleChange = this.hasRoleChange;
    copy.hasLostLeadership = this.hasLostLeadership;
    copy.hasConfigurationChange = this.hasConfigurationChange;
    return copy;
  }
}
