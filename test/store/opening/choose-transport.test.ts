import { afterEach, expect, it } from '@jest/globals'
import { parseStoreUrl, resolveSettings } from '../../../lib/settings/index.ts'
import { safeLogger } from '../../../lib/store/logging/logger.ts'
import { type ChosenTransport, chooseTransport } from '../../../lib/store/opening/choose-transport.ts'
import type { ClientConnection } from '../../../lib/transport/client/index.ts'
import { FakeNode } from '../../transport/wire/fake-node.ts'

const nodes: FakeNode[] = []
let chosen: ChosenTransport | undefined

afterEach(async () => {
  await chosen?.close()
  for (const node of nodes.splice(0)) await node.close()
})

async function nodeOf(name: string, build?: string): Promise<FakeNode> {
  const node = await FakeNode.listen({ name, ...(build === undefined ? {} : { build }) })
  nodes.push(node)
  return node
}

interface Line {
  readonly level: string
  readonly text: string
  readonly node?: string
  readonly build?: string
}

/** A logger that keeps lines, and a wait for the one about a node. */
function listening() {
  const lines: Line[] = []
  let onLine = (): void => {}
  const at =
    (level: string) =>
    (fields: object, text = ''): void => {
      lines.push({ level, text, ...fields })
      onLine()
    }
  const logger = safeLogger({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') })
  const lineOf = async (node: string): Promise<Line> => {
    for (;;) {
      const found = lines.find(line => line.node === node)
      if (found !== undefined) return found
      await new Promise<void>(resolve => {
        onLine = resolve
      })
    }
  }
  return { logger, lineOf }
}

it('takes a node of another release that joins later, and warns of it', async () => {
  const seed = await nodeOf('A0')
  const { logger, lineOf } = listening()
  chosen = await chooseTransport({
    url: parseStoreUrl('aerospike://127.0.0.1:3000/test?set=s&externalStore=memory:&transport=wire'),
    settings: resolveSettings({}),
    hosts: [seed.host],
    client: {} as ClientConnection,
    permits: undefined,
    logger,
  })
  const [old, alike] = await Promise.all([nodeOf('B0', '7.0.0.3'), nodeOf('C0')])
  seed.peers = { B0: [`127.0.0.1:${old.port}`], C0: [`127.0.0.1:${alike.port}`] }
  const text = expect.stringMatching(/7\.0\.0\.3.*wire transport was not tested/)
  expect(await lineOf('B0')).toMatchObject({ level: 'warn', event: 'node_added', build: '7.0.0.3', text })
  for (const name of ['A0', 'C0'])
    expect(await lineOf(name)).toMatchObject({ level: 'info', event: 'node_added', build: '8.1.2.0' })
})

it('warns of none that is there at the opening: the choice says why', async () => {
  const seed = await nodeOf('A0', '7.0.0.3')
  const { logger, lineOf } = listening()
  const opening = chooseTransport({
    url: parseStoreUrl('aerospike://127.0.0.1:3000/test?set=s&externalStore=memory:&transport=wire'),
    settings: resolveSettings({}),
    hosts: [seed.host],
    client: {} as ClientConnection,
    permits: undefined,
    logger,
  })
  await expect(opening).rejects.toThrow('a node runs 7.0.0.3')
  expect(await lineOf('A0')).toMatchObject({ level: 'info', build: '7.0.0.3' })
})
