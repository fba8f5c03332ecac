// The receiver of relay storms between two Kafkas.

import { job } from 'millrace'
import { relaySource } from 'millrace/connectors/relay'
import { kafkaRecords, toKafka } from 'millrace/relay'

export default job(
  'relay-kafka-receive',
  (flow, settings) => {
    const site = settings.string('site')
    const listen = `127.0.0.1:${settings.string('port')}`
    const line = flow.from('line', relaySource({ site, listen, codec: kafkaRecords }))
    const transactionalIdPrefix = settings.string('prefix')
    toKafka(line, 'topics', { brokers: settings.string('brokers'), site, retryMaxMs: 5_000, transactionalIdPrefix })
  },
  { checkpoint: { intervalMs: 100, retain: 2 } },
)
