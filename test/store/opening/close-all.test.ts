import { expect, it } from '@jest/globals'
import { closeAll } from '../../../lib/store/opening/close-all.ts'

it('closes what is left after one that cannot be closed, in order, and throws the first error', async () => {
  const closed: number[] = []
  const resource = (name: number, error?: Error) => ({
    close: async () => {
      closed.push(name)
      if (error !== undefined) throw error
    },
  })
  const failures = [new Error('first'), new Error('second')]
  const resources = [resource(1), resource(2, failures[0]), resource(3, failures[1]), resource(4)]
  await expect(closeAll(resources)).rejects.toBe(failures[0])
  expect(closed).toEqual([1, 2, 3, 4])
  await closeAll([])
})
