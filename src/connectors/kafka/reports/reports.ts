import type { MakeReport } from '../../../contract/report.ts'
import { markersReport } from './markers.ts'
import { transactionsReport } from './transactions.ts'

/** What `millrace kafka REPORT JOB` can tell. */
export const reports: Readonly<Record<'markers' | 'transactions', MakeReport>> = {
  markers: markersReport,
  transactions: transactionsReport,
}
