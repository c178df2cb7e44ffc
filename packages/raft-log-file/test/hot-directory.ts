import type { RaftLog } from "@dt/raft";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { LogError } from "../src/log-error.ts";
import type { SharedJournalOptions } from "../src/sync/shared-journal.ts";
import { FaultyDisk } from "../src/testing/index.ts";
import { SMALL } from "./disk-log.ts";
import { EntryMaker, store } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";

export const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };
/** Files that a few rounds fill. */
export const JOURNAL: SharedJournalOptions = { hotFlushes: 3, fileBytes: 24 << 10 };
/** Files that take many rounds. */
export const ROOMY: SharedJournalOptions = { hotFlushes: 3, fileBytes: 1 << 20 };

export interface Member {
  readonly log: RaftLog;
  readonly maker: EntryMaker;
  readonly model: LogModel;
}

export function openOn(disk: FaultyDisk, journal: SharedJournalOptions): Promise<DataDirectory> {
  const lock = (): Promise<{ release(): Promise<void> }> =>
    Promise.resolve({ release: () => Promise.resolve() });
  return DataDirectory.open(
    { path: "/data", clusterId: "c", nodeId: 1 },
    { fileSystem: disk, lock, journal },
  );
}

export async function openMembers(
  data: DataDirectory,
  models: readonly LogModel[],
): Promise<Member[]> {
  const members: Member[] = [];
  for (const [i, model] of models.entries()) {
    const log = data.log(i + 1, SMALL);
    const content = await model.check(log, await log.open());
    model.adopt(content);
    const maker = new EntryMaker();
    maker.records.push(...content.records);
    members.push({ log, maker, model });
  }
  return members;
}

export function writeAll(members: readonly Member[], bytes: number, count = 1): Promise<void[]> {
  return Promise.all(
    members.map(({ log, maker, model }) => {
      const hardState = maker.lastIndex === 0 ? HARD_STATE : null;
      return model.write(log, maker.write(maker.filled(1, count, bytes), 0, hardState));
    }),
  );
}

export const isJournal = ({ path }: { readonly path: string }): boolean =>
  path.includes("/journal-");

/** Member i has group i + 1 and acknowledges into model i. */
export interface HotDirectory {
  readonly disk: FaultyDisk;
  readonly data: DataDirectory;
  readonly models: readonly LogModel[];
  readonly members: readonly Member[];
}

/** A directory whose logs share their syncs. */
export async function hotDirectory(groups: number, journal = ROOMY): Promise<HotDirectory> {
  const disk = new FaultyDisk();
  const data = await openOn(disk, journal);
  const models = Array.from({ length: groups }, () => new LogModel());
  const members = await openMembers(data, models);
  while (data.sharedSyncs.syncs === 0) {
    await writeAll(members, 100);
  }
  return { disk, data, models, members };
}

/** The logs of a disk after a power cut, each compared with what it acknowledged. */
export async function reopened(
  disk: FaultyDisk,
  models: readonly LogModel[],
  journal = ROOMY,
): Promise<Pick<HotDirectory, "data" | "members">> {
  const data = await openOn(disk, journal);
  const members = await openMembers(data, models);
  return { data, members };
}

/** What a write of each member is refused with; null when it is not. */
export async function codesOf(members: readonly Member[]): Promise<(string | null)[]> {
  return Promise.all(
    members.map(({ log, maker }) =>
      store(log, maker.write(maker.filled(1, 1, 100))).then(
        () => null,
        (error: unknown) => (error instanceof LogError ? error.code : String(error)),
      ),
    ),
  );
}
