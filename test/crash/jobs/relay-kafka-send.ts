// The sender of relay storms between two Kafkas.

import { job } from 'millrace'
import { relaySink } from 'millrace/connectors/relay'
import { byTopic, fromKafka, kafkaRecords } from 'millrace/relay'

export default job(
  'relay-kafka-send',
  (flow, settings) => {
    const [site, target] = [settings.string('site'), settings.string('target')]
    const source = {
      ...{ brokers: settings.string('brokers'), topics: settings.list('topics'), site, targets: [target] },
      ...{ groups: '*', groupsIntervalMs: 200, discoveryIntervalMs: 200, retryMaxMs: 5_000 },
    }
    fromKafka(flow, 'topics', source).to(
      'line',
      relaySink({
        ...{ site, targets: { [target]: settings.string('to') }, codec: kafkaRecords, stream: byTopic },
        ...{ batchBytes: 16_384, reconnectMaxMs: 500 },
      }),
    )
  },
  { checkpoint: { intervalMs: 100, retain: 2 } },
)
