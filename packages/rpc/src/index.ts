// For users.
export { RpcClient } from "./client.ts";
export type { ClientDeps } from "./client.ts";
export { RpcServer } from "./server.ts";
export type { ConnectionListener, ServerDeps } from "./server.ts";
export { Connection } from "./connection.ts";
export type { CallParent } from "./call-parent.ts";
export type { CloseListener, CloseOptions } from "./lifecycle.ts";
export type { NackListener } from "./nack-listeners.ts";
export { CommandTable } from "./command-table.ts";
export type { Handler } from "./command-table.ts";
export { GroupDispatcher } from "./group-dispatcher.ts";
export { IncomingRequest } from "./incoming-request.ts";
export { asyncHandler } from "./async-handler.ts";
export type { CallCompletion, Decode, Encode } from "./call-completion.ts";
export { RpcError } from "./errors.ts";
export type { RpcFault } from "./errors.ts";
export type { AnswerCode } from "./answer-code.ts";
export { Status, statusName } from "./status.ts";
export { DEFAULTS } from "./options.ts";
export type { Address, ClientOptions, ConnectionOptions, ServerOptions } from "./options.ts";
export { anonymousAuth } from "./auth/anonymous.ts";
export type { Authorize } from "./auth/authorize.ts";
export { certificateAuth, certificateCredentials } from "./auth/certificate.ts";
export type { CertificateAuthOptions } from "./auth/certificate.ts";
export { AuthFailure } from "./auth/mechanism.ts";
export type {
  AuthContext,
  AuthIdentity,
  ClientCredentials,
  ClientExchange,
  ServerExchange,
  ServerMechanism,
  ServerStep,
} from "./auth/mechanism.ts";
export { scramCredentials } from "./auth/scram-client.ts";
export { makeScramSecret, parseScramSecret } from "./auth/scram-secret.ts";
export type { ScramSecret, ScramSecretOptions } from "./auth/scram-secret.ts";
export { scramAuth } from "./auth/scram-server.ts";
export type { ScramAuthOptions, ScramUsers } from "./auth/scram-server.ts";
export type { ServerAuthOptions } from "./auth/server-auth.ts";
export { tokenAuth, tokenCredentials, tokenDigest } from "./auth/token.ts";
export type { TokenCredentialsOptions, TokenEntry } from "./auth/token.ts";
export { RpcPool } from "./pool/rpc-pool.ts";
export type { PoolOptions } from "./pool/rpc-pool.ts";
export type { PoolEndpoint } from "./pool/pool-endpoint.ts";
export type { ClientTls, ServerTls, TlsMaterial, TlsVersion } from "./tls/tls-options.ts";
export type { Identity, PeerInfo, PeerLimits, Refusal } from "./peer.ts";
export type { OnHandshake } from "./handshake.ts";
export type {
  CallInterceptor,
  Interceptor,
  RequestInterceptor,
} from "./interceptor/interceptor.ts";
export { logging } from "./interceptor/logging.ts";
export type { LoggingOptions } from "./interceptor/logging.ts";
export { RpcMetrics } from "./interceptor/metrics.ts";
export type { Metric, MetricValue, MetricsOptions } from "./interceptor/metrics.ts";
export { tracing } from "./interceptor/tracing.ts";
export type { Span, TracingOptions } from "./interceptor/tracing.ts";
export { RecordingReader } from "./recording/recording-reader.ts";
export type { RecordedFrame } from "./recording/recorded-frame.ts";
export { replayRecording } from "./recording/replay.ts";
export type {
  ReplayDifference,
  ReplayOptions,
  ReplayResult,
  ReplayedAnswer,
} from "./recording/replay.ts";
export { TrafficRecorder } from "./recording/traffic-recorder.ts";
export type {
  RecordingSink,
  RecordingStats,
  TrafficRecorderOptions,
} from "./recording/traffic-recorder.ts";
export { parseTraceparent } from "./traceparent.ts";
export type { RequestContext } from "./interceptor/request-context.ts";
export type { CallContext } from "./interceptor/call-context.ts";
export type { AcceptedStream } from "./stream/accepted-stream.ts";
export type { Stream } from "./stream/stream.ts";
export type { StreamConsumer, StreamWindow } from "./stream/stream.ts";
export type { Streams } from "./stream/streams.ts";
export type { CancelTarget } from "./stream/stream-table.ts";
// Typed services.
export { addService } from "./service/add-service.ts";
export type { ServiceOptions } from "./service/add-service.ts";
export type { Channel, MethodCallOptions } from "./service/call-options.ts";
export { createClient } from "./service/create-client.ts";
export type {
  CreateClientOptions,
  MethodCall,
  Responses,
  ServiceClient,
} from "./service/create-client.ts";
export { methodCommand } from "./service/method-command.ts";
export type { MethodCommands } from "./service/method-command.ts";
export type { ServiceContext } from "./service/service-context.ts";
export type { MethodDefinition, ServiceDefinition } from "./service/service-definition.ts";
export { ServiceError, errorDetail } from "./service/service-error.ts";
export type {
  MethodImplementation,
  ServiceImplementation,
} from "./service/service-implementation.ts";
export type { Logger } from "./logger.ts";
export { Counters } from "./counters.ts";
// For other implementations of the protocol and for tools.
export { FIRST_USER_COMMAND, HEADER_BYTES, Kind } from "./frame.ts";
export { PROTOCOL_MAJOR, PROTOCOL_MINOR } from "./handshake-frame.ts";
