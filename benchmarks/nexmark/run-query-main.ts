// One run of one query in a process of its own, started by run-query.ts: answers with what it took.

import { fileURLToPath } from 'node:url'
import { runHere } from '../run-here.ts'
import type { QueryParams, QueryResult } from './run-query.ts'

const { query, events, generator, cacheMb } = JSON.parse(process.argv[2] ?? '{}') as QueryParams
const file = fileURLToPath(new URL(`../../jobs/nexmark/${query}.ts`, import.meta.url))
let cpuAtStart = process.cpuUsage()
const { stateBytesMax, runningMs } = await runHere(file, {
  workers: 1,
  parallelism: 1,
  inProcess: false,
  checkpoint: { intervalMs: 10_000 },
  stateCacheBytes: cacheMb * 2 ** 20,
  settings: { events: String(events), out: 'none', generator },
  onRunning: () => {
    cpuAtStart = process.cpuUsage()
  },
})
const { user, system } = process.cpuUsage(cpuAtStart)
process.send?.({
  events,
  seconds: runningMs / 1000,
  cpuSeconds: (user + system) / 1e6,
  memoryMb: process.resourceUsage().maxRSS / 1024,
  stateMb: stateBytesMax / 2 ** 20,
} satisfies QueryResult)
process.disconnect?.()
