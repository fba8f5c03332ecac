// One piece of work in a process of its own, started by client.ts: answers with what it took.

import { Stopwatch } from '../stopwatch.ts'
import { consumeByKafkajs, produceByKafkajs } from './by-kafkajs.ts'
import { consume, count, produce, stall } from './by-millrace.ts'
import type { Work, WorkResult } from './client.ts'

const OURS = { consume, produce, count, stall }
const THEIRS = { consume: consumeByKafkajs, produce: produceByKafkajs }

const work = JSON.parse(process.argv[2] ?? '{}') as Work
const watch = new Stopwatch()
const records = await handler(work)(work, watch)
const memoryMb = process.resourceUsage().maxRSS / 1024
process.send?.({ records, ...watch.elapsed, memoryMb } satisfies WorkResult)
process.exit()

function handler({ client, work: name }: Work): (work: Work, watch: Stopwatch) => Promise<number> {
  if (client === 'millrace') return OURS[name]
  if (name === 'consume' || name === 'produce') return THEIRS[name]
  throw new Error(`kafkajs has no ${name}`)
}
