// The entry of a worker thread: one WorkerHost on the thread's own port.

import { parentPort } from 'node:worker_threads'
import { present } from '../../src/util/assert.ts'
import { systemClock } from '../../src/util/clock.ts'
import { openKeyedBackend } from '../state/open-keyed-backend.ts'
import { loadJobFile } from './load-job.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { portLink } from './port-link.ts'
import { WorkerHost } from './worker-host.ts'

const port = present(parentPort, 'the port of a worker thread')
const host = new WorkerHost({
  link: portLink<FromWorker, ToWorker>(port),
  loadJob: loadJobFile,
  openBackend: openKeyedBackend,
  clock: systemClock,
})
process.on('uncaughtException', (error) => host.fail(error))
process.on('unhandledRejection', (reason) => host.fail(reason))
