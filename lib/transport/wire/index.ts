// Apart from transport/index.ts, so that whoever imports the seam does not load an implementation of it.
export { ANSWER_FRAME_BYTES_MAX } from './answer-reader.ts'
export { Cluster, type ClusterChange, type ClusterOptions } from './cluster.ts'
export { WireTransport, type WireTransportOptions } from './wire-transport.ts'
