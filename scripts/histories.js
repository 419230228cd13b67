// Random concurrent histories, checked afterwards (integration/histories):
//   node scripts/histories.js [--kind calls|pages] [--operations N] [--seed S] [--faults cluster|network] [--server KIND] [--jobs N] [--json]
// --kind pages: transactions of several records with external bodies, stores that die, and a pruner at work.
// Epochs of 10,000 calls (pages: 4,000), the first with seed S, the next with S + 1 and so on, each in a process of its own: the
// npm client's native code can crash when nodes come and go, or wait for a lock that its own thread holds. Such an end is
// counted and shown, and its epoch repeated; an epoch that ends so every time is a failure. Progress is on stderr; the counts are on stdout. On a violation: the
// seed, the calls that touch the transaction, and the command that repeats the epoch; exit code 1.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const USAGE =
  'usage: node scripts/histories.js [--kind calls|pages] [--operations N] [--seed S] [--faults cluster|network] [--server KIND] [--jobs N] [--json]'
/** By kind: the test that makes an epoch, how many calls it makes, and what it counts. */
const KINDS = {
  calls: {
    test: 'integration/histories/histories',
    operations: 10_000,
    counted: ['outcomes', 'batches', 'rollbacks', 'nodeFaults'],
  },
  pages: {
    test: 'integration/histories/pages.test',
    operations: 4_000,
    counted: ['outcomes', 'deaths', 'repairs', 'pruned', 'excused'],
  },
}
const OPERATIONS_FOR_ALL_REPAIRS = 12_000
const ATTEMPTS_MAX = 4
const OUTPUT_SHOWN = 4_000
const CRASH_OUTPUT_SHOWN = 500
/** More than the time that the test gives itself. */
const EPOCH_MS_BASE = 300_000
const EPOCH_MS_PER_CALL = 60
/** For a process that has not ended in time to write what it is at. */
const DIAGNOSIS_MS = 10_000
/** Node can spin for ever in the end of a worker thread whose sockets were reset; the epoch is over by then. */
const EXIT_MS_MAX = 30_000

function misused(message) {
  console.error(`${message}\n${USAGE}`)
  process.exit(2)
}

function wholeNumber(name, text) {
  if (!/^[1-9]\d{0,8}$/.test(text)) misused(`--${name} must be a whole number from 1, got ${text}`)
  return Number(text)
}

function readOptions() {
  let values
  try {
    values = parseArgs({
      options: {
        kind: { type: 'string', default: 'calls' },
        operations: { type: 'string', default: '1000000' },
        seed: { type: 'string', default: '1' },
        faults: { type: 'string' },
        server: { type: 'string', default: 'embedded' },
        jobs: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    misused(error.message)
  }
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  if (!Object.hasOwn(KINDS, values.kind)) misused(`--kind must be calls or pages, got ${values.kind}`)
  const isEmbedded = values.server === 'embedded'
  const breaksNodes = isEmbedded && values.kind === 'calls'
  const faults = values.faults ?? (breaksNodes ? 'cluster' : 'network')
  if (faults !== 'cluster' && faults !== 'network')
    misused(`--faults must be cluster or network, got ${faults}`)
  if (faults === 'cluster' && !breaksNodes)
    misused('--faults cluster needs the embedded server, and --kind calls')
  return {
    kind: values.kind,
    operations: wholeNumber('operations', values.operations),
    seed: wholeNumber('seed', values.seed),
    jobs: wholeNumber('jobs', values.jobs),
    faults,
    server: values.server,
    json: values.json,
  }
}

function epochsOf({ kind, operations, seed }) {
  const most = KINDS[kind].operations
  return Array.from({ length: Math.ceil(operations / most) }, (_, index) => ({
    seed: seed + index,
    operations: Math.min(most, operations - index * most),
  }))
}

/** How often something was counted, by kind and name. */
class Totals {
  operations = 0
  /** Processes that had ended their epoch and had to be killed. */
  stuckExits = 0
  epochs = 0
  nodeRepairs = 0
  crashes = []

  #repairsToSee = []

  constructor(counted) {
    for (const what of counted) this[what] = {}
  }

  add(report, counted) {
    this.operations += report.operations
    this.epochs += 1
    this.nodeRepairs += report.nodeRepairs ?? 0
    this.#repairsToSee = report.repairsToSee ?? []
    for (const what of counted) {
      for (const [name, count] of Object.entries(report[what])) {
        this[what][name] = (this[what][name] ?? 0) + count
      }
    }
  }

  /** A long run in which a repair never happened has not tested it. */
  unseen(operations) {
    const unseen = this.#repairsToSee.filter(repair => this.repairs[repair] === undefined)
    if (operations < OPERATIONS_FOR_ALL_REPAIRS || unseen.length === 0) return undefined
    return `repairs that never happened: ${unseen.join('; ')}`
  }
}

class Run {
  #options
  #directory = mkdtempSync(join(tmpdir(), 'utxo-histories-'))
  #counted
  #totals
  /** Calls made by the epochs under way, by seed. */
  #underWay = new Map()
  #children = new Set()
  #failure

  constructor(options) {
    this.#options = options
    this.#counted = KINDS[options.kind].counted
    this.#totals = new Totals(this.#counted)
    process.on('exit', () => {
      this.#killChildren()
      rmSync(this.#directory, { recursive: true, force: true })
    })
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => this.#interrupt(signal))
  }

  /** Ends the epochs under way; what the others counted is still shown. */
  #interrupt(signal) {
    this.#failure ??= `ended early by ${signal}`
    this.#killChildren()
  }

  #killChildren() {
    for (const child of this.#children) killGroup(child)
  }

  /** Resolves to the process's exit code. */
  async run() {
    const pending = epochsOf(this.#options)
    const lane = async () => {
      for (let epoch = pending.shift(); epoch !== undefined && this.#failure === undefined; ) {
        await this.#check(epoch)
        epoch = pending.shift()
      }
    }
    await Promise.all(Array.from({ length: this.#options.jobs }, lane))
    const { operations } = this.#options
    if (this.#failure === undefined && this.#totals.operations !== operations) {
      this.#failure = `${this.#totals.operations} of ${operations} calls were made`
    }
    this.#failure ??= this.#totals.unseen(operations)
    this.#show()
    if (this.#failure === undefined) return 0
    console.error(this.#failure)
    return 1
  }

  /** Runs an epoch until it ends without a crash, and notes what it found. */
  async #check(epoch) {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const { status, signal, report, output } = await this.#runOnce(epoch)
      if (this.#failure !== undefined) return
      if (signal !== undefined) {
        this.#totals.crashes.push({ seed: epoch.seed, attempt, signal })
        console.error(
          `\ncrash: epoch with seed ${epoch.seed}, attempt ${attempt}: ${signal}\n${output.slice(-CRASH_OUTPUT_SHOWN)}`,
        )
        continue
      }
      if (report !== undefined && report.violations.length === 0 && status === 0)
        this.#totals.add(report, this.#counted)
      else this.#fail(epoch, report, output)
      return
    }
    this.#fail(epoch, undefined, `it crashed ${ATTEMPTS_MAX} times`)
  }

  #fail(epoch, report, output) {
    const { kind, faults, server } = this.#options
    const found =
      report !== undefined && report.violations.length > 0
        ? `${report.violations.length} violations\n${report.traces.join('\n\n')}`
        : output.slice(-OUTPUT_SHOWN)
    const repeat = `npm run test:histories -- --kind ${kind} --operations ${epoch.operations} --seed ${epoch.seed} --faults ${faults} --server ${server}`
    this.#failure ??= `\nseed ${epoch.seed}: ${found}\nto repeat: ${repeat}`
  }

  #runOnce({ seed, operations }) {
    const directory = mkdtempSync(join(this.#directory, `${seed}-`))
    const file = join(directory, 'history.json')
    const { kind, server, faults } = this.#options
    const child = spawn(
      process.execPath,
      ['scripts/jest.js', 'integration', '--server', server, '-i', '--forceExit', KINDS[kind].test],
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        env: {
          ...process.env,
          UTXO_HISTORY_OPERATIONS: String(operations),
          UTXO_HISTORY_SEED: String(seed),
          UTXO_HISTORY_FAULTS: faults,
          UTXO_HISTORY_REPORT: file,
          NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --report-on-signal --report-directory=${directory}`,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      },
    )
    this.#children.add(child)
    let hang
    const limit = setTimeout(
      async () => {
        hang = await diagnosed(child, directory)
        killGroup(child)
      },
      EPOCH_MS_BASE + operations * EPOCH_MS_PER_CALL,
    )
    let isStuckAtExit = false
    let exitLimit
    const reportWatch = setInterval(() => {
      if (!existsSync(file)) return
      clearInterval(reportWatch)
      exitLimit = setTimeout(() => {
        isStuckAtExit = true
        this.#totals.stuckExits += 1
        killGroup(child)
      }, EXIT_MS_MAX)
    }, 1_000)
    let output = ''
    const listen = text => {
      const calls = /(\d+) calls\n$/.exec(text)?.[1]
      if (calls === undefined) output += text
      else this.#progress(seed, Number(calls))
    }
    child.stdout.setEncoding('utf8').on('data', listen)
    child.stderr.setEncoding('utf8').on('data', listen)
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (status, signal) => {
        clearTimeout(limit)
        clearInterval(reportWatch)
        clearTimeout(exitLimit)
        this.#children.delete(child)
        this.#underWay.delete(seed)
        if (isStuckAtExit) {
          resolve({ status: 0, signal: undefined, report: readReport(file), output })
          return
        }
        // Who waits for an answer that never comes has found what is looked for here: that is no crash.
        if (hang !== undefined) {
          const text = `${output}\nno end within its time\n${hang.text}`
          resolve({ status: 1, signal: hang.signal, report: undefined, output: text })
          return
        }
        resolve({ status, signal: signal ?? signalOf(status), report: readReport(file), output })
      })
    })
  }

  #progress(seed, calls) {
    this.#underWay.set(seed, calls)
    let done = this.#totals.operations
    for (const count of this.#underWay.values()) done += count
    process.stderr.write(
      `\r${done} of ${this.#options.operations} calls, seeds ${[...this.#underWay.keys()]} `,
    )
  }

  #show() {
    const { kind, seed, faults, server, json } = this.#options
    process.stderr.write('\n')
    if (json) {
      console.log(
        JSON.stringify({ kind, seed, faults, server, ...this.#totals, failure: this.#failure }, null, 2),
      )
      return
    }
    const { operations, epochs, nodeRepairs, crashes } = this.#totals
    console.log(
      `${operations} calls in ${epochs} epochs that kept every promise (kind ${kind}, seeds from ${seed}, ${kind === 'pages' ? 'stores die' : `${faults} faults`})`,
    )
    for (const what of this.#counted) {
      const counts = Object.entries(this.#totals[what]).sort(([one], [other]) => (one < other ? -1 : 1))
      console.log(`${what}: ${counts.map(([name, count]) => `${name} ${count}`).join(', ')}`)
    }
    console.log(`nodeRepairs: ${nodeRepairs}`)
    const texts = crashes.map(crash => `seed ${crash.seed} attempt ${crash.attempt} ${crash.signal}`)
    console.log(
      `crashes and standstills of the client, epochs repeated: ${crashes.length} ${texts.join(', ')}`,
    )
  }
}

/**
 * What the processes of an epoch are at, by the reports that Node writes when it gets a signal. One that writes none has
 * its event loop held up in native code.
 */
async function diagnosed({ pid }, directory) {
  process.kill(-pid, 'SIGUSR2')
  await delay(DIAGNOSIS_MS)
  const reports = readdirSync(directory).filter(name => name.startsWith('report.'))
  const commands = reports.map(name => readReport(join(directory, name)))
  const jest = commands.find(report =>
    report?.header?.commandLine.some(argument => argument.endsWith('jest/bin/jest.js')),
  )
  if (jest === undefined) return { signal: 'held up in native code', text: '' }
  const { stack } = jest.javascriptStack
  const handles = jest.libuv.filter(({ is_active: isActive }) => isActive).map(({ type }) => type)
  return { signal: undefined, text: `${stack.join('\n')}\nactive: ${handles.join(', ')}` }
}

/** Each is a group of its own, because Jest runs in a child of scripts/jest.js. */
function killGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** scripts/jest.js ends with 128 and the number of the signal that ended Jest. */
function signalOf(status) {
  if (status === null || status <= 128) return undefined
  const entry = Object.entries(constants.signals).find(([, number]) => number === status - 128)
  return entry?.[0] ?? `status ${status}`
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

process.exit(await new Run(readOptions()).run())
