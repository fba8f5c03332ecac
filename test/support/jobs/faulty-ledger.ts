// A job whose first attempt meets a fault in one worker thread: FAULT says which. Later attempts run through.

import { existsSync, writeFileSync } from 'node:fs'
import { ledgerJob } from '../ledger-job.ts'

const { LEDGER_TARGET: target = '', LEDGER_FAULT: fault = 'none' } = process.env

/** Only once for all threads and attempts. */
function first(): boolean {
  const marker = `${target}.fault`
  if (existsSync(marker)) return false
  writeFileSync(marker, '')
  return true
}

function meet(value: number): void {
  if (value !== 700 || !first()) return
  if (fault === 'exit') process.exit(3)
  if (fault === 'hang') for (;;);
  if (fault === 'reject') void Promise.reject(new Error('nobody waits for this'))
  if (fault === 'throw-later')
    setTimeout(() => {
      throw new Error('thrown out of a timer')
    }, 1)
}

export default ledgerJob({ target, records: 1500, pauseMs: 3, splits: 3, onRecord: meet })
