/** Position of an entry in the replicated log. The first entry has index 1; 0 means "none". */
export type LogIndex = number;
