// What is put into an envelope comes out of it: values, types, keys, where it was, and nothing else.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  canalJson,
  debeziumJson,
  type EnvelopeInput,
  fromCanalJson,
  fromDebeziumJson,
} from '../../../../../src/connectors/cdc/index.ts'
import type { Change } from '../../../../../src/record/change.ts'
import { sameValue } from '../../../../../src/util/same-value.ts'
import { histories, plain, through } from './changes.ts'

/** Equal as data; and shown as a difference if not. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!sameValue(actual, expected)) expect(actual).toEqual(expected)
  expect(sameValue(actual, expected)).toBe(true)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
}

const asArrays = (changes: readonly Change[]): Change<unknown>[] =>
  changes.map((change) => ({ ...change, before: values(change.before), after: values(change.after) }))

const values = (row: Record<string, unknown> | null): unknown => row && Object.values(row)

describe('Debezium', () => {
  test('with schemas every value keeps its type', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (changes) => {
        const messages = await through(debeziumJson({ name: 'shop', schemas: true }), changes)
        expectSame(await through(fromDebeziumJson(), messages), changes)
      }),
    )
  })

  test('without schemas numbers keep every digit', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (changes) => {
        const messages = await through(debeziumJson({ name: 'shop' }), changes)
        expectSame(await through(fromDebeziumJson(), messages), changes.map(plain))
      }),
    )
  })

  test('rows as arrays make the same messages as rows as objects', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (changes, schemas) => {
        const make = debeziumJson({ name: 'shop', schemas })
        expect(await through(make, asArrays(changes))).toEqual(await through(make, changes))
      }),
    )
  })

  test('messages are JSON of one kind, whatever reads them', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (changes) => {
        for (const { key, value } of await through(debeziumJson({ name: 'shop', transactions: true }), changes)) {
          if (key !== null) JSON.parse(key)
          if (value !== null) expect(JSON.parse(value)).toHaveProperty('source.name', 'shop')
        }
      }),
    )
  })
})

describe('canal', () => {
  /** canal knows neither snapshots nor places nor connectors, and has columns in messages of rows alone. */
  const known = (changes: readonly Change[]): Change[] =>
    changes
      .filter(({ op }) => op !== 's')
      .map((change) => ({
        ...change,
        op: change.op === 'r' ? 'c' : change.op,
        source: { ...change.source, connector: 'canal', position: '', snapshot: false },
      }))

  test('every value comes back by the declared type of its column', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (changes) => {
        const messages = await through(canalJson(), changes)
        expectSame(await through(fromCanalJson(), messages), known(changes))
        expect(await through(canalJson(), asArrays(changes))).toEqual(messages)
      }),
    )
  })
})

test('whatever a message holds, a decoder gives changes or says what is wrong', async () => {
  const junk = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record(
        {
          op: fc.constantFrom('c', 'u', 'd', 'x', 1),
          before: fc.jsonValue(),
          after: fc.jsonValue(),
          source: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
    fc
      .record({
        type: fc.constantFrom('INSERT', 'UPDATE', 'DELETE', 'x', 1),
        data: fc.jsonValue(),
        old: fc.jsonValue(),
        mysqlType: fc.jsonValue(),
        database: fc.constant('a'),
        table: fc.constant('b'),
      })
      .map((value) => JSON.stringify(value)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ key: fc.option(junk), value: junk })), async (records: EnvelopeInput[]) => {
      for (const make of [fromDebeziumJson, fromCanalJson]) {
        const malformed = { name: 'malformed' }
        const out = await through(make({ malformed }), records)
        for (const change of out) expect(change).toHaveProperty('source')
        for (const record of records) {
          const error: unknown = await through(make(), [record]).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          if (error !== undefined) expect(error).toMatchObject({ code: 'RECORD_MALFORMED' })
        }
      }
    }),
    { numRuns: 50 },
  )
})
