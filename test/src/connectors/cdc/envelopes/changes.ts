// Changes to put into envelopes, and a short way through a function.

import fc from 'fast-check'
import type { ProcessFunction } from '../../../../../src/contract/process-function.ts'
import { ProcessOperator } from '../../../../../src/operators/process.ts'
import type { Change, ChangeSource, ColumnSchema, TableSchema } from '../../../../../src/record/change.ts'
import { Decimal } from '../../../../../src/util/decimal.ts'
import { OperatorDriver } from '../../../../support/operator-driver.ts'

export const SOURCE: ChangeSource = {
  connector: 'mysql',
  database: 'shop',
  table: 'orders',
  position: 'binlog.000012:4567',
  timestampMs: 1_700_000_000_123,
  snapshot: false,
  transaction: 'a1:7',
}

export function column(name: string, type: string, nullable = true): ColumnSchema {
  return { name, type, nullable, generated: false }
}

export function schemaOf(
  key: readonly string[],
  ...columns: readonly (readonly [name: string, type: string])[]
): TableSchema {
  return { columns: columns.map(([name, type]) => column(name, type, !key.includes(name))), key }
}

export const ORDERS = schemaOf(['id'], ['id', 'bigint'], ['status', 'varchar(20)'])

export function told(schema: TableSchema, source: ChangeSource = SOURCE): Change<never> {
  return { op: 's', before: null, after: null, key: [], schema, source }
}

/** Everything that comes out of a function for these records. */
export async function through<In, Out>(
  make: () => ProcessFunction<In, Out>,
  records: readonly In[],
  restored: readonly unknown[] = [],
): Promise<Out[]> {
  const driver = await new OperatorDriver(new ProcessOperator('envelope', make()), { restored }).open()
  await driver.push(records)
  await driver.end()
  return driver.out.values() as Out[]
}

const names = fc.oneof(
  fc.constantFrom('id', '__proto__', 'constructor', 'a"b\\', 'payload', 'schema', 'before', 'größe', '😀', 'x y'),
  fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme' }).filter((name) => !/^\d+$/.test(name)),
)

/** By declared type, the values of such a column as schemas of Kafka Connect keep them. */
const TYPES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  int: fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }),
  'bigint unsigned': fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }),
  'varchar(200)': fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('null', '"', '\u2028', '\ud800', '0123456789.0123456789'),
  ),
  'datetime(6)': fc.constantFrom('2024-02-30 00:00:00.000000', '0000-00-00 00:00:00', '1000-01-01 23:59:59.999999'),
  'decimal(65,30)': fc.constantFrom('1.000000000000000000000000000001', '-12345678901234567890.5', '0'),
  blob: fc.uint8Array({ maxLength: 40 }),
  json: fc.jsonValue().map((value) => JSON.stringify(value)),
}

const typeNames = Object.keys(TYPES)

/** A table with a key of one or two columns. */
const schemas: fc.Arbitrary<TableSchema> = fc
  .tuple(
    fc.uniqueArray(names, { minLength: 1, maxLength: 6 }),
    fc.array(fc.constantFrom(...typeNames), { minLength: 6, maxLength: 6 }),
    fc.constantFrom(1, 2),
  )
  .map(([columns, types, keys]) =>
    schemaOf(columns.slice(0, keys), ...columns.map((name, i) => [name, types[i] as string] as const)),
  )

function rowsOf(schema: TableSchema): fc.Arbitrary<Record<string, unknown>> {
  const values = schema.columns.map(({ type, nullable }) => {
    const some = TYPES[type] as fc.Arbitrary<unknown>
    return nullable ? fc.option(some) : some
  })
  return fc.tuple(...values).map((row) => rowOf(schema, row))
}

export function rowOf(schema: TableSchema, values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (const [i, { name }] of schema.columns.entries())
    Object.defineProperty(row, name, { value: values[i], writable: true, enumerable: true, configurable: true })
  return row
}

const sources: fc.Arbitrary<ChangeSource> = fc.record(
  {
    connector: fc.constantFrom('mysql', 'mariadb', 'sqlite', 'postgres'),
    database: names,
    table: names,
    position: fc.oneof(fc.constantFrom('binlog.000012:4567', '', 'x:y', '0/16B3748', 'a:007'), fc.string()),
    timestampMs: fc.constantFrom(0, 1, 1_700_000_000_123, 253_402_300_799_999),
    snapshot: fc.boolean(),
    transaction: fc.constantFrom('a1:7', '0-1-5', '😀'),
  },
  { requiredKeys: ['connector', 'database', 'table', 'position', 'timestampMs', 'snapshot'] },
)

const keyOf = (schema: TableSchema, row: Record<string, unknown>): unknown[] => schema.key.map((name) => row[name])

/** A table's columns, and changes of its rows. Updates never change the key. */
export const histories: fc.Arbitrary<readonly Change[]> = fc.tuple(schemas, sources).chain(([schema, source]) =>
  fc
    .array(fc.tuple(rowsOf(schema), rowsOf(schema), fc.constantFrom('r', 'c', 'u', 'd', 't')), { maxLength: 4 })
    .map((rows) => [
      told(schema, source),
      ...rows.map(([before, after, op]): Change => {
        if (op === 't') return { op, before: null, after: null, key: [], source }
        if (op === 'd') return { op, before, after: null, key: keyOf(schema, before), source }
        if (op !== 'u') return { op: op as 'r' | 'c', before: null, after, key: keyOf(schema, after), source }
        const kept = rowOf(
          schema,
          schema.columns.map(({ name }) => (schema.key.includes(name) ? after[name] : before[name])),
        )
        return { op, before: kept, after, key: keyOf(schema, after), source }
      }),
    ]),
)

/** Without a schema a message does not say which number is a bigint, nor which string is bytes. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint')
    return value >= -(2n ** 53n) && value <= 2n ** 53n && Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Decimal || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  const fields = Object.entries(value).map(([name, one]) => [name, plain(one)] as const)
  const copy = {}
  for (const [name, one] of fields)
    Object.defineProperty(copy, name, { value: one, writable: true, enumerable: true, configurable: true })
  return copy
}
