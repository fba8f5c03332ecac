// Two copies of a sender's queue, as a cloned machine or a restored backup makes them: one goes on, the other never gets in.

import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { StreamLog } from '../../../../src/connectors/relay/receive/stream-log.ts'
import { ReceiverWorld } from './receive/receiver-world.ts'
import { SenderRig } from './send/sender-rig.ts'

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

it('a copy of a queue is refused however often it is started, and the one that went on goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relay-copies-'))
  const here = await ReceiverWorld.start()
  const options = { site: 'south', targets: `127.0.0.1:${here.port}` }
  const rig = new SenderRig<number, number>(join(folder, 'a'), options)
  const copy = new SenderRig<number, number>(join(folder, 'b'), options)
  try {
    await rig.start()
    await rig.write(numbers(0, 10))
    await rig.checkpoint(10)
    await rig.sink.drained?.()
    await rig.crash()
    await cp(join(folder, 'a'), join(folder, 'b'), { recursive: true })
    copy.last = rig.last
    await rig.start()
    await rig.write(numbers(10, 20))
    await rig.checkpoint(20)
    await rig.sink.drained?.()
    for (let i = 0; i < 3; i += 1) {
      await copy.start()
      await copy.write(numbers(110, 120))
      const refused = copy.checkpoint(20).then(() => copy.sink.drained?.())
      await expect(refused).rejects.toMatchObject({ code: 'RELAY_REFUSED', message: expect.stringContaining('FENCED') })
      await copy.crash()
    }
    await rig.crash()
    // What it is called is nothing to the receiver.
    await rig.start(rig.last, { ...options, targets: { renamed: options.targets } })
    await rig.write(numbers(20, 30))
    await rig.checkpoint(30)
    await rig.sink.drained?.()
    expect(await here.records(here.streams()[0] as StreamLog)).toEqual(numbers(0, 30))
  } finally {
    await rig.crash()
    await copy.crash()
    await here.dispose()
    await rm(folder, { recursive: true, force: true })
  }
})
