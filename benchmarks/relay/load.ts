import { runForked } from '../fresh-process.ts'

/** What to fill a topic with: records 0 … records - 1, each in its partition in order. */
export interface Load {
  readonly brokers: string
  readonly topic: string
  readonly records: number
  /** Undefined: as fast as it goes. */
  readonly perSecond?: number
}

/** Returns when all is in the topic, once. */
export async function fill(load: Load): Promise<void> {
  await runForked(new URL('./load-main.ts', import.meta.url), [JSON.stringify(load)], `filling ${load.topic}`)
}
