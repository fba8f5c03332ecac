// Each query against its model, with nearly all of its state beyond the heap.

import { describeQueries, full } from './query-runs.ts'

describeQueries(full ? [1, 3] : [2], { stateCacheBytes: 32 << 10 })
