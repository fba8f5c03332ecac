// Topics of one Kafka to another site, over a line that may fail for an hour: the other half is receive.ts, which runs there. Each record
// arrives once and in its partition's order, with its key, value, headers and time.
//
//   RELAY_KEY=… npx run-job jobs/relay/send.ts --set from=kafka1:9092 --set topics=shop.*,!shop.tmp* --set to=west.example.org:7400 \
//     --set key=RELAY_KEY
//
// --set site=east            what this site is called
// --set peer=west            what the other site is called
// --set key=RELAY_KEY        the variable that has the key of the line, which both sites have: openssl rand -hex 32. Without a key the other
//                            site must be on this machine
// --set fromUser=…           SASL by SCRAM-SHA-512, with the password in FROM_PASSWORD; --set fromTls: TLS, by certificates that the machine trusts
// --set groups=shop-*        consumer groups that may go on at the other site: millrace relay offsets; default: none
// --set group=relay-send     what the job's own positions in the topics are kept under for others to see
// --set queue=8              GiB on disk for the time that the line is down; then the job waits
// --checkpoint-interval 1s   how soon records are sent
// --parallelism 4            as many subtasks read
//
// To send to several sites, give `targets` a name for each: { west: 'west.example.org:7400', north: … }. To send something else than topics,
// end another stream with relaySink: connectors/relay/README.md. Without code: `millrace relay send --config FILE`.

import { job } from 'millrace'
import { relaySink } from 'millrace/connectors/relay'
import { byTopic, fromKafka, kafkaRecords } from 'millrace/relay'
import { clusterOf } from '../kafka-copy/cluster.ts'

export default job(
  'relay-send',
  (flow, settings) => {
    const site = settings.string('site', 'east')
    const peer = settings.string('peer', 'west')
    const key = settings.string('key', '')
    const cluster = clusterOf(settings.list('from'), {
      username: settings.string('fromUser', ''),
      passwordEnv: 'FROM_PASSWORD',
      tls: settings.boolean('fromTls', false),
    })
    const groups = settings.list('groups', [])
    fromKafka(flow, 'topics', {
      ...cluster,
      site,
      targets: [peer],
      topics: settings.list('topics'),
      groupId: settings.string('group', 'relay-send'),
      ...(groups.length > 0 && { groups }),
    }).to(
      'line',
      relaySink({
        site,
        targets: { [peer]: settings.string('to') },
        ...(key !== '' && { psk: { identity: site, key: { env: key } } }),
        codec: kafkaRecords,
        stream: byTopic,
        queueBytesMax: settings.number('queue', 8, { min: 1, integer: true }) * 2 ** 30,
      }),
    )
  },
  // Restarts without a limit: while a queue is full checkpoints time out, however long a line is down.
  { checkpoint: { intervalMs: 1_000 }, restart: { strategy: 'exponential-delay' } },
)
