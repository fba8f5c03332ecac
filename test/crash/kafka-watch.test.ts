import { expect, it, onTestFinished } from 'vitest'
import { describeBroker } from '../support/kafka-servers.ts'
import { Teller } from './kafka-storm.ts'
import { KafkaWatch } from './kafka-watch.ts'

describeBroker('what watches a topic', (broker) => {
  const watched = async (single: boolean): Promise<{ topic: string; watch: KafkaWatch }> => {
    const topic = await broker.topic('watched', 3)
    const watch = await KafkaWatch.open({ brokers: broker.brokers, topic, single })
    onTestFinished(() => watch.close())
    return { topic, watch }
  }

  it('is content with what is there once and in order', async () => {
    const { topic, watch } = await watched(false)
    const teller = new Teller(broker, topic, 3)
    for (let n = 0; n < 3; n++) await teller.tell(200)
    await expect.poll(() => watch.seen).toBe(600)
  })

  it.each([
    ['lost', [0, 2], false],
    ['repeated', [0, 0], false],
    ['out of order', [1, 0], false],
    ['out of the order of all', [0, 2, 1], true],
  ] as const)('tells what is %s', async (_, order, single) => {
    const { topic, watch } = await watched(single)
    const messages = order.map((i) => {
      const told = single ? { key: `k${i}`, n: 0, i } : { key: 'k', n: i, i }
      return { value: JSON.stringify(told), partition: 0 }
    })
    await broker.produce(topic, messages)
    await watch.readings(2)
    expect(() => watch.seen).toThrow(/expected n = \d/)
  })

  it('tells a place that was counted wrongly', async () => {
    const { topic, watch } = await watched(false)
    await broker.produce(topic, [{ value: JSON.stringify({ key: 'k', n: 0, i: 0, place: 1 }) }])
    await watch.readings(2)
    expect(() => watch.seen).toThrow('"place":1')
  })
})
