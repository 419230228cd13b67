import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SIBLING = fileURLToPath(new URL('../../../shared/conformance/', import.meta.url))
const REPORT_BYTES_MAX = 64 * 1024 * 1024

/** How a case of the kit came out. */
export interface CaseResult {
  readonly name: string
  readonly ok: boolean
  /** Where the answer differs from the recorded one. */
  readonly why: readonly string[]
  readonly stack?: string
}

/**
 * Cases with the answers of a real Aerospike. They are not part of this repository: UTXO_CONFORMANCE_KIT names
 * their folder, and without it `shared/conformance` beside the repository is taken, where there is one.
 */
export class ConformanceKit {
  readonly #program: string

  private constructor(folder: string) {
    this.#program = join(folder, 'run.mjs')
  }

  /** The kit, or undefined where there is none. @throws Error when the folder that was named is none */
  static find(): ConformanceKit | undefined {
    const named = process.env.UTXO_CONFORMANCE_KIT
    const kit = new ConformanceKit(named ?? SIBLING)
    if (existsSync(kit.#program)) return kit
    if (named !== undefined) throw new Error(`UTXO_CONFORMANCE_KIT: no run.mjs in ${named}`)
    return undefined
  }

  /** The names of the cases of the core groups. */
  caseNames(): string[] {
    const list = execFileSync(process.execPath, [this.#program, '--core', '--list'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    return list.split('\n').filter(name => name !== '')
  }

  /** Runs the core groups against a server. The kit takes the npm client from this project. */
  async run(host: string, port: number): Promise<Map<string, CaseResult>> {
    const folder = await mkdtemp(join(tmpdir(), 'utxo-store-conformance-'))
    try {
      const report = join(folder, 'report.json')
      const output = await this.#execute(['--host', host, '--port', `${port}`, '--json', report])
      if (!existsSync(report)) throw new Error(`the conformance kit did not finish:\n${output}`)
      const { results } = JSON.parse(await readFile(report, 'utf8')) as { results: CaseResult[] }
      return new Map(results.map(result => [result.name, result]))
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  /** Resolves with what it printed, also when cases fail: the report tells them. */
  #execute(options: readonly string[]): Promise<string> {
    const args = [this.#program, '--core', '--quiet', ...options]
    return new Promise(resolve => {
      execFile(process.execPath, args, { cwd: ROOT, maxBuffer: REPORT_BYTES_MAX }, (_, stdout, stderr) => {
        resolve(`${stdout}${stderr}`)
      })
    })
  }
}
