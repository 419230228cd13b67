#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { describeFailure, UsageError } from './failure.ts'
import { createOutput } from './output.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const STORE_HELP = `Store URLs:
  aerospike://host:port[,host:port…]/namespace?set=utxo&externalStore=file:///var/lib/utxo
  embedded:?set=utxo            a server inside this process; its data ends with the command

Logs go to stderr from UTXO_STORE_LOG on (trace, debug, info, warn, error, silent; default warn): text on a terminal,
JSON lines elsewhere.
Exit codes: 0 success, 1 the job failed, 2 wrong usage.`

const REPLAY_HELP = `Blocks are ordered by their predecessors; of branches the longest is taken. Each block is proven
before anything of it is stored. Memory does not grow with blocks or files, but by some hundred bytes for each
block. SIGINT finishes the block in work and says how to go on.`

const ASSET_HELP = `GET PREFIX/subtree_data/ROOT answers with the transactions of a subtree, one after the other. Files are
ROOT.subtree (or ROOT.subtreeToCheck) and ROOT.subtreeData in the folder. A missing data file is built while it is
sent, and kept; when as many are being built as may be, the answer is 503 with Retry-After, while existing files are
served as ever. Prints \`ready http://HOST:PORT\`, with PREFIX behind it, on stdout when it accepts clients; logs
are JSON lines. Needs the package fastify (npm install fastify@5).`

const EXIT_GRACE_MS = 3_000

function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It has to be a whole number from ${minimum} to ${maximum}.`)
    }
    return value
  }
}

/** As the server and clients take it: letters that a path may have, and no segments that clients resolve. */
function pathPrefix(text: string): string {
  if (!/^(\/(?!\.{1,2}(\/|$))[\w.~-]+)*\/?$/.test(text)) {
    throw new InvalidArgumentError(
      "It has to be a path such as /api/v1, of letters, digits and . _ ~ - after each /, or '' for none.",
    )
  }
  return text
}

function storeOption(): Option {
  return new Option('--store <url>', 'where the outputs are stored').env('UTXO_STORE_URL')
}

function createProgram(): Command {
  const program = new Command('utxo-store')
    .description("Stores Bitcoin's unspent transaction outputs in Aerospike.")
    .version(version)
    .showSuggestionAfterError()
    .addHelpText('after', `\n${STORE_HELP}`)

  program
    .command('serve')
    .description('runs the embedded server as a process of its own, until SIGTERM or SIGINT')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 picks a free one', wholeNumber(0, 65_535), 3000)
    .option('--namespace <names>', 'namespaces, separated by commas', 'utxo-store,test')
    .option(
      '--nodes <number>',
      'nodes of one cluster, 1 to 16, on the port and those after it, with two copies of each record',
      wholeNumber(1, 16),
      1,
    )
    .option('--json', 'print the ready line as JSON, with the addresses of all nodes')
    .addHelpText(
      'after',
      '\nPrints `ready aerospike://HOST:PORT` on stdout when it accepts clients. Data lives in memory and ends with the process.',
    )
    .action(async options =>
      (await import('./commands/serve.ts')).serve(options, createOutput(options.json === true)),
    )

  program
    .command('replay')
    .description('replays raw blocks in order: spends inputs, creates outputs, sets transactions mined')
    .argument('<file...>', 'a raw block, a hex file of one, or a blk*.dat, of any size; blocks in any order')
    .addOption(storeOption().default('embedded:'))
    .option(
      '--start-height <number>',
      'height of the first block; by default as its coinbase says',
      wholeNumber(1, 2 ** 32 - 1),
    )
    .option(
      '--checkpoint <file>',
      'keeps in this file which block was done last, and goes on after it when the file is there',
    )
    .option('--seed-missing-parents', 'first create stand-in parents for outputs that lie before the files')
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', `\n${REPLAY_HELP}\n\n${STORE_HELP}`)
    .action(async (files, options) =>
      (await import('./commands/replay.ts')).replay(files, options, createOutput(options.json === true)),
    )

  program
    .command('get')
    .description("shows one transaction's record: state of each output, spenders, blocks, flags")
    .argument('<txid>', 'display hex, 64 characters')
    .addOption(storeOption().makeOptionMandatory())
    .option('--json', 'print the record as JSON')
    .addHelpText('after', `\n${STORE_HELP}`)
    .action(async (txid, options) =>
      (await import('./commands/get.ts')).get(txid, options, createOutput(options.json === true)),
    )

  program
    .command('doctor')
    .description(
      'checks the cluster and this machine for everything the store needs, and says how to mend it',
    )
    .addOption(storeOption().makeOptionMandatory())
    .option('--fix', 'do what is safe: register the UDF module, create the indexes')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', `\nExits 1 when a check failed; warnings alone exit 0.\n\n${STORE_HELP}`)
    .action(async options =>
      (await import('./commands/doctor.ts')).doctor(options, createOutput(options.json === true)),
    )

  program
    .command('prune')
    .description('removes the transactions that are due at a height, once')
    .addOption(storeOption().makeOptionMandatory())
    .requiredOption('--height <number>', 'height of the tip of the chain', wholeNumber(1, 2 ** 32 - 1))
    .option('--catching-up', 'the node is catching up: with prunerSkipDuringCatchup nothing is done')
    .option('--json', 'print the counts as JSON')
    .addHelpText('after', `\n${STORE_HELP}`)
    .action(async options =>
      (await import('./commands/prune.ts')).prune(options, createOutput(options.json === true)),
    )

  program
    .command('scan')
    .description('reads the whole set for transactions whose mark "unmined" contradicts their blocks')
    .addOption(storeOption().makeOptionMandatory())
    .option('--longest-chain <file>', 'ids of the blocks on the longest chain, separated by white space')
    .option('--json', 'print the counts, and up to 100 of what was found, as JSON')
    .addHelpText('after', `\n${STORE_HELP}`)
    .action(async options =>
      (await import('./commands/scan.ts')).scan(options, createOutput(options.json === true)),
    )

  program
    .command('asset')
    .description(
      "serves subtrees' data by HTTP, building missing files from the store, until SIGTERM or SIGINT",
    )
    .addOption(storeOption().makeOptionMandatory())
    .requiredOption('--folder <path>', 'where subtrees and their data files lie')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 picks a free one', wholeNumber(0, 65_535), 8090)
    .option('--prefix <path>', "what the paths of requests begin with; '' for nothing", pathPrefix, '/api/v1')
    .option(
      '--creations <number>',
      "files built at a time; 0 for no limit (default: the store's setting, 4)",
      wholeNumber(0, 1_000),
    )
    .option('--readers <number>', 'existing files read at a time', wholeNumber(1, 1_000_000), 512)
    .option('--fetches <number>', 'reads from the store at a time, for each creation', wholeNumber(1, 64), 4)
    .option('--json', 'print the ready line as JSON')
    .addHelpText('after', `\n${ASSET_HELP}\n\n${STORE_HELP}`)
    .action(async options =>
      (await import('./commands/asset.ts')).asset(options, createOutput(options.json === true)),
    )

  program
    .command('bench')
    .description('measures the public API: throughput, latency, processor time and memory')
    .addOption(storeOption().default('embedded:?set=bench'))
    .option(
      '--transactions <number>',
      'transactions of one round, or cycle of a soak, for each subject',
      wholeNumber(1, 1_000_000),
      20_000,
    )
    .option('--rounds <number>', 'rounds that count', wholeNumber(1, 1_000), 5)
    .option('--warm-up <number>', 'rounds before them, in which code is compiled', wholeNumber(1, 1_000), 2)
    .option('--operations <list>', 'of create,get,previousOutputsDecorate,spend,setMined,blockValidation')
    .option('--transport <list>', 'of client,wire', 'client,wire')
    .option('--concurrency <number>', 'calls in progress at a time', wholeNumber(1, 1_000_000), 4_000)
    .option('--batch-size <number>', 'records of one batch, for all subjects', wholeNumber(1, 100_000), 1_000)
    .option('--linger <milliseconds>', 'how long a batch waits for company', wholeNumber(0, 60_000), 5)
    .option(
      '--setting <name=value>',
      'a setting of the store; may be given several times',
      (setting, before: string[] = []) => [...before, setting],
    )
    .option('--default-settings', 'batch sizes and lingers as the store ships them')
    .option('--yardsticks <module>', 'a module with more subjects to compare with')
    .option(
      '--node-options <options>',
      "of the processes that measure, one for each subject; '' for none",
      '--max-semi-space-size=128 --no-allocation-site-pretenuring --no-memory-reducer --heap-growing-percent=300',
    )
    .option('--lone-calls <number>', 'calls on an idle store; 0 leaves them out', wholeNumber(0, 100_000), 50)
    .option('--no-half-load', 'leaves out the calls that arrive at half of the maximal rate')
    .option(
      '--soak <operations>',
      'instead of rounds, so many operations of each store, in whole transactions of four, and how its memory grew',
      wholeNumber(1, 10_000_000_000),
    )
    .option(
      '--duration <seconds>',
      'the longest time of the soak of each store; alone, a soak that long',
      wholeNumber(1, 2_000_000),
    )
    .option('--html <file>', 'also writes a page with charts')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
With embedded: the server is started as a process of its own, so that its work does not count as the client's.
Records go to sets whose names begin with the URL's set (bench), and are removed after each round.
Each subject is measured in a process of its own, as a validator has one process with one transport. They get room for
young objects (--node-options): with thousands of calls in progress V8's own choice makes it copy them over and over. And
while others are measured they stay as a busy process is: of an idle one V8 gives memory back (--no-memory-reducer), and lets its
heap grow by little instead of fourfold from one full collection to the next (--heap-growing-percent).
All subjects do each operation one after the other, round by round; figures are medians of the rounds. What only reads is
done five times over in a round: it takes more than one pass to see what giving memory back costs.
Each answer is checked; a wrong one, like a call that fails, ends the run with exit code 1.
SIGINT and SIGTERM end it early with the figures so far.
The comparisons with the npm client are in the repository: npm run bench -- [options].

${STORE_HELP}`,
    )
    .action(async options =>
      (await import('./commands/bench.ts')).bench(options, createOutput(options.json === true)),
    )

  program
    .command('watch')
    .description("shows what a running store does, live, from its process's metrics endpoint")
    .argument('<url>', 'where the process serves its prom-client registry: http://host:port/metrics')
    .option('--interval <milliseconds>', 'time between samples', wholeNumber(50, 3_600_000), 1_000)
    .option('--samples <number>', 'end after so many samples', wholeNumber(1, 1_000_000_000))
    .option('--json', 'print each sample as one line of JSON')
    .addHelpText(
      'after',
      `
Throughput and latency by operation, queues, batches in flight and their limit, connections, the circuit
breaker, and errors; q or Ctrl-C ends it. Without a terminal it prints one line for each sample.
The store has to be opened with a registry: UtxoStore.open(url, { metrics: registry }).`,
    )
    .action(async (url, options) => (await import('./commands/watch.ts')).watch(url, options))

  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => {} })
  }
  return program
}

function usageText({ message }: CommanderError): string {
  const text = message.replace(/^error: /, '')
  return text.includes("'--store <url>' not specified") ? `${text}, nor is UTXO_STORE_URL set` : text
}

async function main(args: string[]): Promise<number> {
  const program = createProgram()
  try {
    if (args.length === 0) {
      program.outputHelp()
      return 0
    }
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const { exitCode, message, document } = describeFailure(
      error instanceof CommanderError ? new UsageError(usageText(error)) : error,
    )
    if (document !== undefined && args.includes('--json'))
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
    const [name] = args
    const topic = program.commands.some(command => command.name() === name) ? ` ${name}` : ''
    const hint = exitCode === 2 ? ` See utxo-store${topic} --help.` : ''
    const sentence = message.replaceAll('\n', ' ').replace(/([^.!?])$/, '$1.')
    process.stderr.write(`utxo-store${topic}: ${sentence}${hint}\n`)
    return exitCode
  }
}

// Whoever reads the output may have enough of it, as `head` has: that is no failure of the command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  process.stderr.write(`utxo-store: the output could not be written: ${error.message}.\n`)
  process.exit(1)
})
// Who no longer reads what is told on the way still wants the work done.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(1)
})

process.exitCode = await main(process.argv.slice(2))
// Whatever nobody waits for any more, such as a read of a file system that is away, does not keep the process.
setTimeout(() => process.exit(), EXIT_GRACE_MS).unref()
