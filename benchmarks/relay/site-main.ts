// One end of the relay in a process of its own, until SIGTERM; started again it goes on where it was.

import { job } from 'millrace'
import { relaySink, relaySource } from 'millrace/connectors/relay'
import { byTopic, fromKafka, kafkaRecords, toKafka } from 'millrace/relay'
import { run } from 'millrace/runtime'
import type { SiteWork } from './site.ts'

const work = JSON.parse(process.argv[2] ?? '{}') as SiteWork
const { site, brokers, dataDir, intervalMs } = work
const checkpoint = intervalMs === undefined ? {} : { checkpoint: { intervalMs } }

const running = run(work.end === 'send' ? sending(work) : receiving(work), { dataDir, ...checkpoint })
running.state$.subscribe((state) => process.stdout.write(`${state}\n`))
process.once('SIGTERM', () => void running.stop())
const { state, failure } = await running.result
process.stdout.write(`${failure?.message ?? state}\n`)
process.exit(state === 'failed' ? 1 : 0)

function sending({ topic, target }: SiteWork & { readonly end: 'send' }) {
  return job('relay-send', (flow) => {
    fromKafka(flow, 'orders', { site, brokers, topics: topic }).to(
      'line',
      relaySink({ site, targets: target, stream: byTopic, codec: kafkaRecords }),
    )
  })
}

function receiving({ port }: SiteWork & { readonly end: 'receive' }) {
  return job('relay-receive', (flow) => {
    const arrived = flow.from('line', relaySource({ site, listen: { host: '127.0.0.1', port }, codec: kafkaRecords }))
    toKafka(arrived, 'orders', { site, brokers, create: true })
  })
}
