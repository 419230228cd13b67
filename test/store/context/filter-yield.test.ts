import { expect, it } from '@jest/globals'
import { FilterYield } from '../../../lib/store/context/filter-yield.ts'

it('leaves the filter out while most rows do not pass, tries it now and then, and comes back', () => {
  const filterYield = new FilterYield(0.5)
  expect(filterYield.isWorthwhile()).toBe(true)
  filterYield.record(100, 0)
  // A few rows say little.
  expect(filterYield.isWorthwhile()).toBe(true)
  for (let batch = 0; batch < 10; batch++) filterYield.record(1_000, 100)
  const asked = Array.from({ length: 48 }, () => filterYield.isWorthwhile())
  expect(asked.filter(isWorthwhile => isWorthwhile)).toHaveLength(3)
  for (let batch = 0; batch < 3; batch++) filterYield.record(1_000, 1_000)
  expect(Array.from({ length: 20 }, () => filterYield.isWorthwhile())).not.toContain(false)
})

it('takes no batch without rows for one in which nothing passed', () => {
  const filterYield = new FilterYield(0.5)
  for (let batch = 0; batch < 10_000; batch++) filterYield.record(0, 0)
  expect(filterYield.isWorthwhile()).toBe(true)
})
