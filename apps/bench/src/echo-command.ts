export const ECHO_COMMAND = 256;
