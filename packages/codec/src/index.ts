/** Values below this fit an unsigned 32-bit field. */
export const UINT32_LIMIT = 0x1_0000_0000;
