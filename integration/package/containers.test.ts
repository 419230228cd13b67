import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (name: string): string => readFileSync(`${ROOT}${name}`, 'utf8')

/** No image is built by the tests, so what can be checked by reading is. */
const COPIED = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
  sources.split(' '),
)

it('the Dockerfile copies what is there, and what .dockerignore lets through', () => {
  expect(COPIED.length).toBeGreaterThan(5)
  expect(COPIED.filter(path => !existsSync(`${ROOT}${path}`))).toEqual([])
  const letThrough = read('.dockerignore')
    .split('\n')
    .filter(line => line.startsWith('!'))
    .map(line => line.slice(1))
  expect(COPIED.filter(path => !letThrough.includes(path))).toEqual([])
  expect(letThrough.filter(path => !COPIED.includes(path))).toEqual([])
})

it('the Dockerfile runs the Node that package.json asks for, and the command that it installs', () => {
  const { engines, bin } = JSON.parse(read('package.json')) as {
    engines: { node: string }
    bin: Record<string, string>
  }
  const [, major] = /(\d+)\./.exec(engines.node) ?? []
  const stages = [...read('Dockerfile').matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)].map(([, base, name]) => ({
    base,
    name,
  }))
  const bases = stages.map(({ base }) => base).filter(base => stages.every(({ name }) => name !== base))
  expect(bases).toEqual([`node:${major}-bookworm-slim`, `node:${major}-bookworm-slim`])
  for (const [name, path] of Object.entries(bin)) {
    expect(read('Dockerfile')).toContain(`ln -s /opt/utxo-store/${path} /usr/local/bin/${name}`)
    expect(read('Dockerfile')).toContain(`ENTRYPOINT ["tini", "--", "${name}"]`)
  }
})

it('the Dockerfile gives the command every optional package that package.json knows, but the one it has no use for', () => {
  const { peerDependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    'peerDependencies' | 'devDependencies',
    Record<string, string>
  >
  const kept = /npm pkg set (.+?) \\\n/.exec(read('Dockerfile'))?.[1]?.split(' ') ?? []
  const wanted = Object.keys(peerDependencies).filter(name => name !== 'node-rdkafka')
  expect(kept.map(each => each.replace(/^dependencies\.(.+)='\*'$/, '$1')).sort()).toEqual(wanted.sort())
  // The lock file pins them only because the tests need them, too.
  expect(wanted.filter(name => devDependencies[name] === undefined)).toEqual([])
})

it('docker-compose mounts configurations that are there, with what doctor asks of a namespace', () => {
  const mounted = [...read('docker-compose.yml').matchAll(/'\.\/([^:']+):/g)].map(([, path = '']) => path)
  expect(mounted).toHaveLength(2)
  for (const path of mounted) {
    const [, namespace = ''] = read(path).split(/^namespace /m)
    expect(namespace).toMatch(/^\s*default-ttl 0$/m)
    expect(namespace).toMatch(/^\s*nsup-period [1-9]\d*$/m)
  }
  expect(read('docs/aerospike/cluster-node.conf')).toMatch(/^\s*replication-factor 2$/m)
})
