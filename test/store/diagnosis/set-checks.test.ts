import { describe, expect, it } from '@jest/globals'
import { resolveSettings } from '../../../lib/settings/index.ts'
import type { Finding } from '../../../lib/store/diagnosis/finding.ts'
import { checkSet } from '../../../lib/store/diagnosis/set-checks.ts'
import { loadUdfModule } from '../../../lib/store/udf/udf-module.ts'
import { scriptedAdministration } from '../support/store-fixture.ts'

const SETTINGS = resolveSettings({ useSeparateUdfMinedModule: true, separateUdfSpendModuleCount: 2 })
const COPIES = ['', '_mined', '_0', '_1']

/** What is found of the module where each node lists these copies of it, and what is registered with `fix`. */
async function moduleCheck(
  nodes: readonly (readonly string[])[],
  fix = false,
): Promise<{ finding: Finding | undefined; registered: string[] }> {
  const { name } = await loadUdfModule()
  const registered: string[] = []
  const administration = {
    ...scriptedAdministration(),
    infoOfNodes: async () =>
      nodes.map((copies, node) => ({
        node: `A${node}`,
        answer: copies.map(copy => `filename=${name}${copy}.lua,hash=1,type=LUA;`).join(''),
      })),
    registerUdf: async (fileName: string) => {
      registered.push(fileName.replace(name, ''))
    },
  }
  const findings = await checkSet({
    administration,
    namespace: 'n',
    set: 's',
    settings: SETTINGS,
    fix,
    signal: undefined,
  })
  return { finding: findings.find(({ check }) => check === 'udf module'), registered }
}

describe('the check of the UDF module', () => {
  it('is content only with every copy on every node', async () => {
    expect((await moduleCheck([COPIES, COPIES])).finding).toMatchObject({
      level: 'ok',
      message: expect.stringContaining('under 4 names'),
    })
  })

  it('warns of copies that no node has: who opens a store registers them', async () => {
    expect(
      (
        await moduleCheck([
          ['', '_0'],
          ['', '_0'],
        ])
      ).finding,
    ).toMatchObject({
      level: 'warning',
      message: expect.stringMatching(/_mined and 1 more of its names are not registered/),
    })
    expect((await moduleCheck([['', '_0', '_1']])).finding).toMatchObject({
      level: 'warning',
      message: expect.stringMatching(/_mined is not registered/),
    })
  })

  it('fails for a copy that some nodes have: calls on the others fail', async () => {
    expect((await moduleCheck([COPIES, ['', '_mined', '_0']])).finding).toMatchObject({
      level: 'failure',
      message: expect.stringMatching(/_1 is missing on node A1/),
    })
  })

  it('registers what is missing, where it may', async () => {
    const { finding, registered } = await moduleCheck([['', '_1']], true)
    expect(finding).toMatchObject({ level: 'ok' })
    expect(registered).toEqual(['_mined.lua', '_0.lua'])
  })
})
