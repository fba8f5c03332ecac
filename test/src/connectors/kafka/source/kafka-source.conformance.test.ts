import { expect, it } from 'vitest'
import { sourceConformance } from '../../../../../runtime/testing/index.ts'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'

const ROWS = Array.from({ length: 40 }, (_, n) => ({ partition: n % 4, value: `${n % 4}:${n}` }))
const place = (value: string): [string, number] => {
  const [partition = '', n = ''] = value.split(':')
  return [partition, Number(n)]
}

describeBroker('kafkaSource keeps the contract of sources', (broker) => {
  const lists = [false, true].map((bounded) =>
    sourceConformance<string>({
      name: bounded ? 'kafkaSource (bounded)' : 'kafkaSource',
      prepare: async () => {
        const topic = await broker.topic('conformance', 4)
        await broker.produce(topic, ROWS)
        const { brokers } = broker
        const end = bounded ? { bounded: 'latest' as const } : {}
        return {
          create: () => kafkaSource<string>({ brokers, topics: topic, format: text(), groupId: topic, ...end }),
          expected: ROWS.map(({ value }) => value),
        }
      },
      supports: { end: bounded ? 'itself' : 'in batch mode' },
      createBroken: () => kafkaSource<string>({ brokers: broker.brokers, topics: 'not-there', format: text() }),
      orderOf: place,
    }),
  )
  it.each(lists.flatMap(({ cases }) => cases))('$name', ({ run }) => run())

  it('in all but what a source with an end does not do', () => {
    expect(lists.map(({ skipped }) => skipped.map(({ name }) => name))).toEqual([
      [],
      ['waits for more when it has given everything'],
    ])
  })
})
