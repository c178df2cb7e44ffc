/**
 * The string codes of the answers that rpc itself gives. A caller finds them in
 * `RpcError.remoteCode`.
 */
export type AnswerCode = RequestRefusalCode | ConnectionRefusalCode;

/** Answers to one request; the connection goes on. */
export type RequestRefusalCode =
  | "DT_RPC_BAD_COMPRESSION"
  | "DT_RPC_BAD_REQUEST"
  | "DT_RPC_DENIED"
  | "DT_RPC_DECOMPRESSED_TOO_LARGE"
  | "DT_RPC_GROUP_NOT_FOUND"
  | "DT_RPC_GROUP_STOPPED"
  | "DT_RPC_HANDLER_FAILED"
  | "DT_RPC_RECEIVER_FULL"
  | "DT_RPC_REPLY_DROPPED"
  | "DT_RPC_REPLY_ENCODE"
  | "DT_RPC_REPLY_TOO_LARGE"
  | "DT_RPC_STOPPING"
  | "DT_RPC_STREAM_CREDIT"
  | "DT_RPC_STREAM_DUPLICATE"
  | "DT_RPC_STREAM_KIND"
  | "DT_RPC_STREAM_MESSAGE"
  | "DT_RPC_STREAM_STATE"
  | "DT_RPC_TOO_MANY_STREAMS"
  | "DT_RPC_UNKNOWN_COMMAND"
  | "DT_RPC_UNKNOWN_STREAM";

/** Refusals of a whole connection, which ends with them. */
export type ConnectionRefusalCode =
  | "DT_RPC_CERTIFICATE"
  | "DT_RPC_FIRST_FRAME"
  | "DT_RPC_FRAME_TOO_LARGE"
  | "DT_RPC_HANDSHAKE_TIMEOUT"
  | "DT_RPC_HEADER_VERSION"
  | "DT_RPC_LOGIN_LIMIT"
  | "DT_RPC_MAGIC"
  | "DT_RPC_MALFORMED_FRAME"
  | "DT_RPC_PROTOCOL_VERSION"
  | "DT_RPC_STOPPING"
  | "DT_RPC_TOO_MANY_CONNECTIONS"
  | "DT_RPC_TOO_MANY_HANDSHAKES"
  | "DT_RPC_UNAUTHENTICATED"
  | "DT_RPC_UNKNOWN_FLAG";
