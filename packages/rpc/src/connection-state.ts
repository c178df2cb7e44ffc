/** open: all works. leaving: no new calls, what is under way still ends. closed: nothing works. */
export const ConnectionState = { open: 0, leaving: 1, closed: 2 } as const;
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];
