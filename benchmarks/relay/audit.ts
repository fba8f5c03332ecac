import { runForked } from '../fresh-process.ts'

export interface AuditWork {
  readonly brokers: string
  readonly topic: string
  /** How many there should be. */
  readonly records: number
}

/** What an independent reader of committed records found. */
export interface Audit {
  readonly read: number
  readonly lost: number
  readonly repeated: number
  /** Came first after a later one of its partition. */
  readonly reordered: number
  /** None of ours, in another partition or with another key. */
  readonly strange: number
}

export function audit(work: AuditWork): Promise<Audit> {
  return runForked(new URL('./audit-main.ts', import.meta.url), [JSON.stringify(work)], `reading ${work.topic}`)
}
