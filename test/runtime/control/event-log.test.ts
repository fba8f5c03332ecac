import { mkdtemp, readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { EventLog } from '../../../runtime/control/event-log.ts'
import type { RunEvent } from '../../../runtime/control/run-types.ts'

const event = (n: number): RunEvent => ({ at: n, job: 'j', type: 'committed', checkpoint: n })
const idsIn = async (path: string): Promise<number[]> =>
  (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { checkpoint: number }).checkpoint)

it('keeps lines in order, over runs, in two files of bounded size', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'events-'))
  const path = join(folder, 'events.ndjson')
  for (let run = 0; run < 5; run++) {
    const log = new EventLog({ path, fileBytesMax: 2000, linesMax: 1000 })
    for (let n = run * 100; n < run * 100 + 100; n++) {
      log.append(event(n))
      if (n % 10 === 0) await log.flush()
    }
    await log.flush()
  }
  expect(await readdir(folder)).toEqual(['events.1.ndjson', 'events.ndjson'])
  const ids = [...(await idsIn(join(folder, 'events.1.ndjson'))), ...(await idsIn(path))]
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => 500 - ids.length + i))
  expect((await stat(path)).size).toBeLessThan(3000)
})

it('a disk that cannot be written to fills no memory and throws nothing', async () => {
  const log = new EventLog({ path: '/nonexistent/events.ndjson', fileBytesMax: 1000, linesMax: 10 })
  for (let n = 0; n < 100; n++) log.append(event(n))
  await log.flush()
})
