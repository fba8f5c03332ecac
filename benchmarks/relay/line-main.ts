// One end of a line without Kafka, in a process of its own: says when it is done, and stays for its memory to be looked at.

import { job, UpsertSinkFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { relaySink, relaySource } from 'millrace/connectors/relay'
import { run } from 'millrace/runtime'
import { CountSource } from '../count-source.ts'
import type { LineEndResult, LineEndWork } from './line.ts'
import { kilobyteAt, type Row, rowAt } from './records.ts'

type Payload = Buffer | Row

const work = JSON.parse(process.argv[2] ?? '{}') as LineEndWork
const { end, port, dataDir, records, kind, intervalMs, perSecond } = work
const make = kind === 'rows' ? rowAt : kilobyteAt
let startedAtMs = 0

class Counting extends UpsertSinkFunction<Payload> {
  #count = 0
  #bytes = 0

  write(values: readonly Payload[]): void {
    this.#count += values.length
    for (const value of values) this.#bytes += Buffer.isBuffer(value) ? value.length : value.bytes
    if (this.#count === records) say({ atMs: Date.now(), payloadBytes: this.#bytes })
  }

  flush(): void {}
}

const stay = setInterval(() => {}, 1_000)
const running = run(end === 'send' ? sending() : receiving(), { dataDir, checkpoint: { intervalMs } })
running.state$.subscribe((state) => process.stdout.write(`${state}\n`))
process.once('SIGTERM', () => {
  clearInterval(stay)
  void running.stop()
})
const { state, failure } = await running.result
if (state === 'failed') throw new Error(failure?.message)
if (end === 'send') say({ atMs: startedAtMs, payloadBytes: 0 })

function sending() {
  const { batchBytes, compression } = work
  const options = {
    ...(batchBytes === undefined ? {} : { batchBytes }),
    ...(compression === undefined ? {} : { compression }),
  }
  const first = (): void => {
    startedAtMs = Date.now()
  }
  const made = perSecond === undefined ? new CountSource<Payload>(records, make, first) : paced(perSecond, first)
  return job('line-send', (flow) => {
    flow
      .from('made', made, { parallelism: 1 })
      .to('line', relaySink<Payload>({ site: 'north', targets: `127.0.0.1:${port}`, ...options }))
  })
}

function paced(rate: number, first: () => void) {
  const makeOne = (i: number): Payload => {
    if (i === 0) first()
    return make(i)
  }
  return generate<Payload>({ count: records, perSecond: rate, splits: 1, make: makeOne })
}

function receiving() {
  return job('line-receive', (flow) => {
    flow
      .from('line', relaySource<Payload>({ site: 'south', listen: { host: '127.0.0.1', port } }))
      .to('count', new Counting())
  })
}

function say(result: LineEndResult): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
