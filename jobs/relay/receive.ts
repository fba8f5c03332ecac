// What send.ts sends from another site, into the Kafka of this one: topics are made as they are there, and each record is written once.
//
//   RELAY_KEY=… npx run-job jobs/relay/receive.ts --set to=kafka2:9092 --set listen=0.0.0.0:7400 --set key=RELAY_KEY
//
// --set site=west            what this site is called
// --set peer=east            what the other site is called, and its key
// --set key=RELAY_KEY        the variable that has the key of the line. Without a key the other site must be on this machine
// --set prefix=east.         what names here begin with; default: the same names as there
// --set toUser=…             SASL by SCRAM-SHA-512, with the password in TO_PASSWORD; --set toTls: TLS, by certificates that the machine trusts
// --checkpoint-interval 1s   how soon records show
// --parallelism 4            as many subtasks read the queue and write
//
// Several sites may send to one: give `keys` one for each. Without code: `millrace relay receive --config FILE`.

import { job } from 'millrace'
import { relaySource } from 'millrace/connectors/relay'
import { kafkaRecords, toKafka } from 'millrace/relay'
import { clusterOf } from '../kafka-copy/cluster.ts'

export default job(
  'relay-receive',
  (flow, settings) => {
    const site = settings.string('site', 'west')
    const peer = settings.string('peer', 'east')
    const key = settings.string('key', '')
    const cluster = clusterOf(settings.list('to'), {
      username: settings.string('toUser', ''),
      passwordEnv: 'TO_PASSWORD',
      tls: settings.boolean('toTls', false),
    })
    const line = flow.from(
      'line',
      relaySource({
        site,
        listen: settings.string('listen', '127.0.0.1:7400'),
        ...(key !== '' && { psk: { keys: { [peer]: { env: key } } } }),
        codec: kafkaRecords,
      }),
    )
    toKafka(line, 'topics', { ...cluster, site, topics: { '*': `${settings.string('prefix', '')}*` } })
  },
  { checkpoint: { intervalMs: 1_000 }, restart: { strategy: 'exponential-delay' } },
)
