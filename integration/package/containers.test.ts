import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (name: string): string => readFileSync(`${ROOT}${name}`, 'utf8')

/** No image is built here, so what can be checked by reading is. */
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
  const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
  expect(bases).toEqual([`node:${major}-bookworm-slim`, `node:${major}-bookworm-slim`])
  for (const [name, path] of Object.entries(bin)) {
    expect(read('Dockerfile')).toContain(`ln -s /opt/utxo-store/${path} /usr/local/bin/${name}`)
    expect(read('Dockerfile')).toContain(`ENTRYPOINT ["${name}"]`)
  }
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
