// Every query with what is known of it apart from its job.

import q0 from '../../../jobs/nexmark/q0.ts'
import q1 from '../../../jobs/nexmark/q1.ts'
import q2 from '../../../jobs/nexmark/q2.ts'
import q3 from '../../../jobs/nexmark/q3.ts'
import q14 from '../../../jobs/nexmark/q14.ts'
import q20 from '../../../jobs/nexmark/q20.ts'
import q21 from '../../../jobs/nexmark/q21.ts'
import q22 from '../../../jobs/nexmark/q22.ts'
import type { Job } from '../../../src/index.ts'
import * as overBids from './bid-models.ts'
import { MODELS, type Model } from './models.ts'

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
  q14: { job: q14, model: overBids.q14, busyNode: 'middling' },
  q20: { job: q20, model: MODELS.q20, busyNode: 'expanded-bids' },
  q21: { job: q21, model: overBids.q21, busyNode: 'row' },
  q22: { job: q22, model: overBids.q22, busyNode: 'row' },
} as const satisfies Record<string, KnownQuery>

export type QueryName = keyof typeof KNOWN_QUERIES
export const QUERY_NAMES = Object.keys(KNOWN_QUERIES) as QueryName[]
