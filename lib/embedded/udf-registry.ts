import type { LuaRuntime } from './lua/index.ts'

/** The part of the Lua runtime that the server uses; tests put another in its place. */
export type UdfRuntime = Pick<LuaRuntime, 'register' | 'remove' | 'files' | 'apply' | 'aggregate' | 'close'>
