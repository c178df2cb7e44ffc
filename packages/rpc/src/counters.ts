/**
 * What happened on all connections of one server or client. Plain numbers: read them whenever you
 * like.
 */
export class Counters {
  connectionsOpened = 0;
  connectionsClosed = 0;
  /** Of a server: connections that ended before the handshake was through. */
  handshakesFailed = 0;
  /** Of a client: attempts to connect that failed, by the handshake or before it. */
  attemptsFailed = 0;
  framesIn = 0;
  framesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Frames whose bodies this side has compressed. */
  compressedFramesOut = 0;
  /** Frames whose bodies the peer has compressed. */
  compressedFramesIn = 0;
  /** Compressed bodies that cannot be read, or are larger than they may be. */
  badCompressedBodies = 0;
  /** Writes to the socket; framesOut / writes is how well frames are coalesced. */
  writes = 0;
  callsTimedOut = 0;
  /** Answers to calls that had already ended, by timeout as a rule. */
  lateResponses = 0;
  /** Requests that were dropped because their time was over before the handler could run. */
  expiredBeforeHandling = 0;
  /** Requests that were put aside and dropped because their callers gave up meanwhile. */
  cancelledBeforeHandling = 0;
  /** Replies that were dropped because the caller's time was over. */
  expiredBeforeReply = 0;
  /** Replies that were dropped because the connection had closed, or the request was a one-way. */
  droppedReplies = 0;
  /** Requests answered with FLOW_CONTROL because a limit of this side was reached. */
  flowControlRefusals = 0;
  /** Requests and one-ways for a group that is unknown or stopped, or for an unknown command. */
  unroutable = 0;
  /** Streams that ended because the peer broke their rules. */
  streamViolations = 0;
  /** Frames of streams that this side does not have, or has no more. */
  lateStreamFrames = 0;
  handlerErrors = 0;
  /** Interceptors that threw when they were told of an answer, a call or its outcome. */
  interceptorErrors = 0;
  /** Completions of calls that threw. */
  completionErrors = 0;
  /** Frames that cannot be read, and frames that no correct peer sends. */
  malformedFrames = 0;
}
