import { BINS } from '../../../record/index.ts'
import type { Filter } from '../../../transport/index.ts'

/** As many pages all spent as a transaction without pages has; an absent count is 0. */
export const HAS_NO_SPENT_PAGE: Filter = {
  or: [
    { noneExists: [BINS.spentExtraRecs] },
    { compare: 'eq', left: { intBin: BINS.spentExtraRecs }, right: 0 },
  ],
}
