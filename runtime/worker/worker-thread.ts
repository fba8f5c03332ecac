// The entry of a worker thread: one WorkerHost on the thread's own port.

import { parentPort } from 'node:worker_threads'
import { isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
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
process.on('uncaughtException', (error) => host.fail(escaped('thrown where nobody catches', error)))
process.on('unhandledRejection', (reason) => host.fail(escaped('a rejected promise that nobody awaits', reason)))

/** Whose it was cannot be told, but user code is what leaves promises behind: a restart may do without it. */
function escaped(how: string, error: unknown): unknown {
  if (isMillraceError(error)) return error
  return new MillraceError('USER_ESCAPED', { how, reason: reasonOf(error) }, error)
}
