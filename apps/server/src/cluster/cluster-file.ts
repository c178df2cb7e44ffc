import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { ServerError } from "../server-error.ts";

const NAME = "cluster.json";

const SCHEMA = z.object({
  clusterId: z.string().min(1),
  nodes: z
    .array(z.object({ nodeId: z.int().min(1), host: z.string().min(1), port: z.int().min(1) }))
    .min(1),
});

/** What a launcher leaves in the directory of its cluster: whose it is, and where its nodes were last. */
export type ClusterDescription = z.output<typeof SCHEMA>;

/** Null when there is no cluster in the directory. Throws DT_SERVER_CLUSTER_FILE. */
export function readClusterFile(directory: string): ClusterDescription | null {
  const file = join(directory, NAME);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return null;
    }
    throw new ServerError({ code: "DT_SERVER_CLUSTER_FILE", file }, { cause: error });
  }
  try {
    return SCHEMA.parse(JSON.parse(text));
  } catch (error) {
    throw new ServerError({ code: "DT_SERVER_CLUSTER_FILE", file }, { cause: error });
  }
}

export function writeClusterFile(directory: string, description: ClusterDescription): void {
  const file = join(directory, NAME);
  const temporary = `${file}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(description, null, 2)}\n`);
  renameSync(temporary, file);
}
