// Changes of a table through Kafka, as Debezium's messages, canal's and exactly: what is read is what the source gave.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runJobHere } from '../../../../../runtime/testing/index.ts'
import { canalJson, debeziumJson } from '../../../../../src/connectors/cdc/index.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import {
  canal,
  changes,
  debezium,
  kafkaSink,
  kafkaSource,
  type ReadFormat,
} from '../../../../../src/connectors/kafka/index.ts'
import { sqliteChanges } from '../../../../../src/connectors/sqlite/index.ts'
import { type Change, type Job, job, type Stream } from '../../../../../src/index.ts'
import { sameValue } from '../../../../../src/util/same-value.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-envelopes-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A table that is read in full, then changed in every way. */
const STATEMENTS = [
  ['CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT, raw BLOB)', 'INSERT INTO items VALUES (1, NULL, NULL)'],
  [
    "INSERT INTO items VALUES (9007199254740993, 'größe 😀', x'00ff')",
    "UPDATE items SET name = 'one' WHERE id = 1",
    'UPDATE items SET id = 2 WHERE id = 1',
    'DELETE FROM items WHERE id = 9007199254740993',
    "INSERT INTO items VALUES (1, '', x'')",
  ],
]

describeBroker('changes through Kafka', (broker) => {
  /** Everything the source gives, collected, and sent on as `send` says. */
  async function given(send: (changes: Stream<Change>) => void): Promise<Change[]> {
    const file = join(folder, 'shop.db')
    const out: Change[] = []
    for (const statements of STATEMENTS) {
      const database = new Libsql(file)
      for (const statement of statements) database.exec(statement)
      database.close()
      const copy = job('copy', (flow) => {
        const stream = flow.from('items', () => sqliteChanges({ file, schemaChanges: true, integers: 'bigint' }))
        stream.to('direct', collect(out))
        send(stream)
      })
      await finished(copy, { dataDir: join(folder, 'data') })
    }
    expect(out.length).toBeGreaterThan(6)
    return out
  }

  async function read<T>(topics: string, format: ReadFormat<T>): Promise<T[]> {
    const out: T[] = []
    const back = job('back', (flow) => {
      flow.from('topic', kafkaSource({ brokers: broker.brokers, topics, format })).to('out', collect(out))
    })
    await finished(back, {})
    return out
  }

  async function finished(one: Job, options: { readonly dataDir?: string }): Promise<void> {
    const result = await runJobHere(one, { mode: 'batch', ...options })
    expect(result.failure?.message).toBeUndefined()
  }

  it('exactly, columns and places too', async () => {
    const topic = await broker.topic('changes')
    const direct = await given((stream) =>
      stream.to('kafka', kafkaSink({ brokers: broker.brokers, topic, format: changes() })),
    )
    expectSame(await read(topic, changes()), direct)
    expect(direct.some(({ op }) => op === 's')).toBe(true)
  })

  it('as Debezium’s messages with schemas: a key that changed is a delete and a create', async () => {
    const name = broker.name('debezium')
    const direct = await given((stream) =>
      stream
        .process('envelope', debeziumJson({ name, schemas: true }))
        .to('kafka', kafkaSink({ brokers: broker.brokers, create: true, transactionalIdPrefix: name })),
    )
    const rows = direct.filter(({ op }) => op !== 's')
    expectSame(await read(`${name}.*`, debezium()), rows.flatMap(unmoved).map(withBytes))
    const told = direct.filter(({ op }) => op === 's').map(({ source }) => source.table)
    expect((await read(name, debezium())).map(({ source }) => source.table)).toEqual(told)
  })

  it('as canal’s messages, which know rows and keys alone', async () => {
    const name = broker.name('canal')
    const direct = await given((stream) =>
      stream
        .process('envelope', canalJson({ name }))
        .to('kafka', kafkaSink({ brokers: broker.brokers, create: true, transactionalIdPrefix: name })),
    )
    const rows = direct
      .filter(({ op }) => op !== 's')
      .map((change) => ({ ...change, op: change.op === 'r' ? 'c' : change.op }))
    expectSame((await read(`${name}.*`, canal())).map(plain), rows.map(withBytes).map(plain))
  })
})

function unmoved(change: Change): Change[] {
  const { oldKey, ...rest } = change
  if (oldKey === undefined) return [change]
  return [
    { ...rest, op: 'd', key: oldKey, after: null },
    { ...rest, op: 'c', before: null },
  ]
}

/** Messages do not say which class of bytes there was. */
function withBytes<T extends Pick<Change, 'before' | 'after'>>(change: T): T {
  const bytesOf = (row: Change['after']): Change['after'] =>
    row && { ...row, raw: row.raw && new Uint8Array(row.raw as Buffer) }
  return { ...change, before: bytesOf(change.before), after: bytesOf(change.after) }
}

const plain = ({ source: _source, ...rest }: Omit<Change, 'op'>): unknown => rest

function expectSame(actual: unknown, expected: unknown): void {
  if (!sameValue(actual, expected)) expect(actual).toEqual(expected)
  expect(sameValue(actual, expected)).toBe(true)
}
