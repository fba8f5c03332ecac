// Every query with what is known of it apart from its job.

import q0 from '../../../jobs/nexmark/q0.ts'
import q1 from '../../../jobs/nexmark/q1.ts'
import q2 from '../../../jobs/nexmark/q2.ts'
import q3 from '../../../jobs/nexmark/q3.ts'
import q4 from '../../../jobs/nexmark/q4.ts'
import q5 from '../../../jobs/nexmark/q5.ts'
import q6 from '../../../jobs/nexmark/q6.ts'
import q7 from '../../../jobs/nexmark/q7.ts'
import q8 from '../../../jobs/nexmark/q8.ts'
import q9 from '../../../jobs/nexmark/q9.ts'
import q11 from '../../../jobs/nexmark/q11.ts'
import q14 from '../../../jobs/nexmark/q14.ts'
import q15 from '../../../jobs/nexmark/q15.ts'
import q16 from '../../../jobs/nexmark/q16.ts'
import q17 from '../../../jobs/nexmark/q17.ts'
import q18 from '../../../jobs/nexmark/q18.ts'
import q19 from '../../../jobs/nexmark/q19.ts'
import q20 from '../../../jobs/nexmark/q20.ts'
import q21 from '../../../jobs/nexmark/q21.ts'
import q22 from '../../../jobs/nexmark/q22.ts'
import type { Job } from '../../../src/index.ts'
import * as overAuctions from './auction-models.ts'
import * as overBids from './bid-models.ts'
import { MODELS, type Model } from './models.ts'
import * as overWindows from './window-models.ts'

export interface KnownQuery {
  readonly job: Job
  /** The lines of its result. */
  readonly model: Model
  /** A node that sees enough records for a throw in the middle of them. */
  readonly busyNode: string
}

export const KNOWN_QUERIES = {
  q0: { job: q0, model: MODELS.q0, busyNode: 'row' },
  q1: { job: q1, model: MODELS.q1, busyNode: 'row' },
  q2: { job: q2, model: MODELS.q2, busyNode: 'some' },
  q3: { job: q3, model: MODELS.q3, busyNode: 'local-items' },
  q4: { job: q4, model: overAuctions.q4, busyNode: 'bids-in-time' },
  q5: { job: q5, model: overWindows.q5, busyNode: 'count' },
  q6: { job: q6, model: overAuctions.q6, busyNode: 'bids-in-time' },
  q7: { job: q7, model: overWindows.q7, busyNode: 'price' },
  q8: { job: q8, model: overWindows.q8, busyNode: 'by-seller' },
  q9: { job: q9, model: overAuctions.q9, busyNode: 'bids-in-time' },
  q11: { job: q11, model: overWindows.q11, busyNode: 'sessions' },
  q14: { job: q14, model: overBids.q14, busyNode: 'middling' },
  q15: { job: q15, model: overBids.q15, busyNode: 'statistics' },
  q16: { job: q16, model: overBids.q16, busyNode: 'statistics' },
  q17: { job: q17, model: overBids.q17, busyNode: 'statistics' },
  q18: { job: q18, model: overAuctions.q18, busyNode: 'last-bid' },
  q19: { job: q19, model: overAuctions.q19, busyNode: 'highest' },
  q20: { job: q20, model: MODELS.q20, busyNode: 'expanded-bids' },
  q21: { job: q21, model: overBids.q21, busyNode: 'row' },
  q22: { job: q22, model: overBids.q22, busyNode: 'row' },
} as const satisfies Record<string, KnownQuery>

export type QueryName = keyof typeof KNOWN_QUERIES
export const QUERY_NAMES = Object.keys(KNOWN_QUERIES) as QueryName[]
