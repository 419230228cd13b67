import { type Log, silentLog } from './log.ts'
import { LuaRuntime } from './lua/index.ts'
import { EmbeddedServer } from './server.ts'
import type { ServerSettings } from './settings.ts'

/** Starts a server on the thread that calls, with real Lua. */
export async function startInThread(settings: ServerSettings, log: Log = silentLog): Promise<EmbeddedServer> {
  const udf = await LuaRuntime.create({ log })
  const { host, port, namespaces, clusterName, defaultTtlSeconds, nsupPeriodSeconds } = settings
  const namespaceConfig = { defaultTtlSeconds, nsupPeriodSeconds }
  try {
    return await EmbeddedServer.start({ host, port, namespaces, namespaceConfig, clusterName, udf, log })
  } catch (error) {
    udf.close()
    throw error
  }
}
