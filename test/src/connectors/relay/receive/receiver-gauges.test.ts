import { expect, it } from 'vitest'
import { ReceiverGauges } from '../../../../../src/connectors/relay/receive/receiver-gauges.ts'
import { ManualClock, runtimeContext } from '../../../../support/runtime-context.ts'
import { ReceiverWorld } from './receiver-world.ts'
import { incarnation, SENDER, TestSender } from './test-sender.ts'

it('shows a stream until it is over: then it has no backlog, though it ended between two looks', async () => {
  const world = await ReceiverWorld.start()
  const [clock, gauges] = [new ManualClock(), new Map<string, number>()]
  const sender = await TestSender.connect(world.port, { incarnation: incarnation(1), session: 1 })
  await sender.begin('main')
  for (const sequence of [0, 1, 2]) sender.send(sequence, ['a', 'b'])
  await sender.acked(3)
  const shown = new ReceiverGauges(runtimeContext({ clock, counters: gauges }), world.receiver)
  const of = (gauge: string): number | undefined => gauges.get(`${gauge}{${SENDER},main}`)
  expect([of('backlogRecords'), of('receivedSequence'), of('readSequence')]).toEqual([6, 3, 0])
  expect(of('backlogBytes')).toBeGreaterThan(0)
  // Its next incarnation ends what it sent before.
  const next = await TestSender.connect(world.port, { incarnation: incarnation(2), session: 2 })
  await next.begin('other')
  const [stream] = world.streams()
  expect(await stream?.ended()).toBe(true)
  shown.read([{ id: stream?.id ?? '', sequence: 3, record: 6, atMs: clock.now() }])
  clock.advance(1_000)
  expect([of('backlogRecords'), of('backlogBytes'), of('lagMs')]).toEqual([0, 0, 0])
  expect(gauges.get('backlogRecords')).toBe(0)
  shown.close()
  next.close()
  await world.dispose()
})
