export { type DiagnoseOptions, diagnose } from './diagnose.ts'
export type { Finding, FindingLevel } from './finding.ts'
