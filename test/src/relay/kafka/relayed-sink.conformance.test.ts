import { expect, it } from 'vitest'
import { sinkConformance } from '../../../../runtime/testing/index.ts'
import { parseConnectionOptions } from '../../../../src/connectors/kafka/connection.ts'
import type { WrittenRecord } from '../../../../src/connectors/kafka/formats/format.ts'
import { kafkaSink } from '../../../../src/connectors/kafka/sink/kafka-sink.ts'
import type { RuntimeContext } from '../../../../src/contract/runtime-context.ts'
import type { EpochSinkFunction } from '../../../../src/contract/sink-function.ts'
import { isNotice, noticeRecord, type RelayedKafka } from '../../../../src/relay/kafka/relayed-kafka.ts'
import { RelayedSink } from '../../../../src/relay/kafka/relayed-sink.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { describeBroker } from '../../../support/kafka-servers.ts'
import { runtimeContext } from '../../../support/runtime-context.ts'
import { batchesOf } from '../../connectors/kafka/sink/sink-driver.ts'

const at = (offset: number): RelayedKafka => ({
  ...{ topic: 't', partition: offset % 2, offset, timestampMs: Date.now(), headers: [], site: 'a' },
  ...{ key: offset % 3 === 0 ? null : Buffer.from(`k${offset % 5}`), value: Buffer.from(`value ${offset}`) },
})
const notice = (partitions: number): RelayedKafka =>
  noticeRecord('a', { kind: 'topic', topic: 't', partitions, config: {} })
const NOBODY = '127.0.0.1:1'

/** The topic is announced among its records, and once more. */
const records = [notice(2), ...[0, 1, 2, 3, 4].map(at), notice(2), ...[5, 6, 7, 8, 9].map(at)]

/** By partition, in order: between partitions there is none. */
const byPartition = (values: readonly string[]): readonly string[] =>
  [0, 1].flatMap((partition) => values.filter((value) => Number(value.slice(6)) % 2 === partition))

describeBroker('toKafka keeps the contract', (broker) => {
  const sinkTo = (target: string, brokers = broker.brokers): RelayedSink => {
    const connection = { brokers, retryMaxMs: brokers === NOBODY ? 100 : 30_000 }
    const inner = kafkaSink<WrittenRecord>({ ...connection, transactionalIdPrefix: `c-${target}` })
    const sink = new RelayedSink(inner as EpochSinkFunction<WrittenRecord>, {
      ...{ site: 'b', nameOf: () => target, originHeaders: true, groupOffsetsTopic: `${target}-groups` },
      ...{ connection: parseConnectionOptions(connection, 'toKafka'), create: {} },
    })
    // Brokers answer by their own time, and the list's clock stands still.
    const open = sink.open.bind(sink)
    sink.open = (context: RuntimeContext) => open({ ...context, clock: systemClock })
    return sink
  }
  const { cases } = sinkConformance<RelayedKafka>({
    name: 'toKafka',
    kind: 'epoch',
    prepare: () => {
      const target = broker.name('conformance')
      return {
        create: () => sinkTo(target),
        read: async () => {
          const read = await broker.readEnded(target).catch(() => [])
          return byPartition(read.map(({ value }) => String(value)))
        },
      }
    },
    records,
    resultOf: (written) => byPartition(written.filter((one) => !isNotice(one)).map(({ value }) => String(value))),
    createBroken: () => sinkTo('nowhere', NOBODY),
  })
  it('drops and counts what was here before, also in an epoch that is nothing else', async () => {
    const target = broker.name('loops')
    const sink = sinkTo(target)
    const counters = new Map<string, number>()
    await sink.open(runtimeContext({ counters }))
    const wasHere = (record: RelayedKafka): RelayedKafka => ({
      ...record,
      headers: [['millrace-sites', Buffer.from('b,c')]],
    })
    const loops = [6, 8].map((offset) => wasHere(at(offset)))
    await sink.apply(target, 1, batchesOf([notice(2), at(2), ...loops], [at(4)]))
    await sink.apply(target, 2, batchesOf(loops))
    expect((await broker.readEnded(target)).map(({ value }) => String(value))).toEqual(['value 2', 'value 4'])
    expect(counters.get('loopRecords')).toBe(4)
    await sink.close()
  })

  it.each(cases)('$name', ({ run }) => run())
})
