export type { LogIndex } from "../index.ts";
