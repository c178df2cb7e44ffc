/** Identifies one call within a connection. An unsigned 32-bit integer. */
export type CallId = number;
