// Apart from transport/index.ts, so that the public types do not lead to the npm client's.

export { ClientAdministration, type ClientAdministrationOptions } from './administration.ts'
export type { Host } from './answering-hosts.ts'
export { ClientQueries, type ClientQueriesOptions } from './client-queries.ts'
export { ClientTransport, type ClientTransportOptions } from './client-transport.ts'
export { type ClientConnection, type ConnectionOptions, connectClient } from './connection.ts'
export { withSafeClose } from './safe-close.ts'
