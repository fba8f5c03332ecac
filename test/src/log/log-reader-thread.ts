import assert from 'node:assert'
import { parentPort, workerData } from 'node:worker_threads'
import { LogReader } from '../../../src/log/log-reader.ts'
import { payloadOf } from './payload-of.ts'

// Reads up to what its parent says is durable, checks each record, and tells the parent how far it has come.
const { directory, total } = workerData as { directory: string; total: number }
const reader = new LogReader(directory, 0)
let durable = 0
let isReading = false

parentPort?.on('message', (end: number) => {
  durable = end
  if (!isReading) void readOn()
})

async function readOn(): Promise<void> {
  isReading = true
  while (reader.position < durable) {
    let expected = reader.position
    for (const { sequence, payload } of await reader.read(durable, 50_000)) {
      assert.equal(sequence, expected)
      assert.equal(Buffer.compare(payload, payloadOf(sequence, payload.length)), 0)
      expected += 1
    }
    assert.equal(reader.position, expected)
    parentPort?.postMessage(reader.position)
  }
  isReading = false
  if (reader.position < total) return
  await reader.close()
  parentPort?.postMessage(`read ${reader.position}`)
}
