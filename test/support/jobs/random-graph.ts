// A job that is not the same in every thread.

import { threadId } from 'node:worker_threads'
import { ledgerJob } from '../ledger-job.ts'

export default ledgerJob({ target: '/nowhere', records: 10, sums: `sums-${threadId}` })
