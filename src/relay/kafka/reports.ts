import type { MakeReport } from '../../contract/report.ts'
import { offsetsReport } from './offsets-report.ts'

/** What `millrace relay REPORT` can tell. */
export const reports: Readonly<Record<'offsets', MakeReport>> = { offsets: offsetsReport }
