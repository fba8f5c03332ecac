// Topics of one Kafka into another, exactly once: keys, values, headers, times and partitions as they are, tombstones too, and then what
// is written to them. A reader of read_committed sees there what one sees here.
//
//   npx run-job jobs/kafka-copy.ts --set from=k1:9092 --set to=k2:9092 --set topics=shop.*,!shop.tmp*
//
// --set prefix=k1.                 what names there begin with; default: the same names
// --set fromUser=… --set toUser=…  SASL by SCRAM-SHA-512; passwords in the environment, as FROM_PASSWORD and TO_PASSWORD
// --set fromTls --set toTls        TLS, by certificates that the machine trusts
// --set group=copy-2               what the source's positions and the target's transactions are under; default kafka-copy
// --set compression=zstd           none, gzip, snappy, lz4 or zstd; default none
// --parallelism 4                  as many subtasks read and write
// --checkpoint-interval 1s         how soon records show there
// --batch                          ends when what is there is copied
//
// Topics are made there with as many partitions as here, and as they are set here (cleanup.policy, retention), and given more when there are
// more here. Records that are older than retention.ms of the topic there are deleted soon.

import { job } from 'millrace'
import type { Compression } from 'millrace/connectors/kafka'
import { fromKafka, toKafka } from 'millrace/relay'
import { clusterOf } from './kafka-copy/cluster.ts'

export default job('kafka-copy', (flow, settings) => {
  const secure = (which: 'from' | 'to') =>
    clusterOf(settings.list(which), {
      username: settings.string(`${which}User`, ''),
      passwordEnv: `${which.toUpperCase()}_PASSWORD`,
      tls: settings.boolean(`${which}Tls`, false),
    })
  const prefix = settings.string('prefix', '')
  // Where both are one Kafka, copies are not copied.
  const topics = [...settings.list('topics'), ...(prefix === '' ? [] : [`!${prefix}*`])]
  const group = settings.string('group', 'kafka-copy')
  const compression = settings.string('compression', 'none') as Compression
  const records = fromKafka(flow, 'from', {
    ...secure('from'),
    site: 'from',
    topics,
    groupId: group,
  })
  toKafka(records, 'to', {
    ...secure('to'),
    site: 'to',
    topics: { '*': `${prefix}*` },
    originHeaders: false,
    compression,
    transactionalIdPrefix: group,
  })
})
