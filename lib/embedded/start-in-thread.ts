import type { NodeState } from './embedded-node.ts'
import { type Log, silentLog } from './log.ts'
import { LuaRuntime } from './lua/index.ts'
import { EmbeddedServer } from './server.ts'
import type { ServerSettings } from './settings.ts'

export interface ThreadListeners {
  readonly log?: Log | undefined
  readonly onState?: (position: number, state: NodeState) => void
}

/** Starts a server on the thread that calls, with real Lua. */
export async function startInThread(
  settings: ServerSettings,
  { log = silentLog, onState = () => {} }: ThreadListeners = {},
): Promise<EmbeddedServer> {
  const udf = await LuaRuntime.create({ log })
  const { defaultTtlSeconds, nsupPeriodSeconds, ...options } = settings
  const namespaceConfig = { defaultTtlSeconds, nsupPeriodSeconds }
  try {
    return await EmbeddedServer.start({ ...options, namespaceConfig, udf, log, onState })
  } catch (error) {
    udf.close()
    throw error
  }
}
