export type { Revision } from "@dt/kv";
