export { runServer } from "./run-server.ts";
export { ExitCode, describeExitCode } from "./exit-code.ts";
export { formatAddress, parseAddress } from "./address.ts";
export type { HostPort } from "./address.ts";
export { KV_GROUP_ID } from "./start-server.ts";
export type { ServerDeps } from "./start-server.ts";
export { ServerError, describeExit } from "./server-error.ts";
export type { ConfigProblem, NodeExit, ServerFault } from "./server-error.ts";

// For programs that run a cluster on this machine.
export { Cluster, prepareCluster, startCluster } from "./cluster/cluster.ts";
export type { ClusterOptions, NodeSettings } from "./cluster/cluster.ts";
export { ClusterNode } from "./cluster/cluster-node.ts";
export { readClusterFile } from "./cluster/cluster-file.ts";
export type { ClusterDescription } from "./cluster/cluster-file.ts";
