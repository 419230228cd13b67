// Apart from transport/index.ts, so that the public types do not lead to the npm client's.
export { ClientAdministration } from './administration.ts'
export { ClientTransport, type ClientTransportOptions } from './client-transport.ts'
export { type ConnectionOptions, connectClient, type Host } from './connection.ts'
