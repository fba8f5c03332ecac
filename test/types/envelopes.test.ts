// Envelopes take the changes of any rows; decoders say what rows they give. Checked by tsc; the run is a formality.

import { expectTypeOf, test } from 'vitest'
import {
  canalJson,
  debeziumJson,
  type EnvelopeInput,
  type EnvelopeRecord,
  flattened,
  fromCanalJson,
  fromDebeziumJson,
  type MalformedEnvelope,
} from '../../src/connectors/cdc/index.ts'
import { type Change, type Flow, fromArray, type Stream, sideOutput } from '../../src/index.ts'

interface Order {
  readonly id: number
}

function wellTyped(flow: Flow): void {
  const objects = flow.from('objects', fromArray<Change<Order>>([]))
  const arrays = flow.from('arrays', fromArray<Change<readonly unknown[]>>([]))
  expectTypeOf(objects.process('a', debeziumJson({ name: 'shop' }))).toEqualTypeOf<Stream<EnvelopeRecord>>()
  expectTypeOf(arrays.process('b', canalJson())).toEqualTypeOf<Stream<EnvelopeRecord>>()
  const rows = objects.process('c', flattened({ name: 'shop', deleted: 'field', fields: ['op', 'ts_ms'] }))
  expectTypeOf(rows.process('d', fromDebeziumJson<Order>())).toEqualTypeOf<Stream<Change<Order>>>()
  const messages = flow.from('messages', fromArray<EnvelopeInput & { readonly partition: number }>([]))
  const malformed = sideOutput<MalformedEnvelope>('malformed')
  const changes = messages.process('e', fromCanalJson({ malformed }))
  expectTypeOf(changes).toEqualTypeOf<Stream<Change<Record<string, unknown>>>>()
}

function illTyped(flow: Flow): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  // @ts-expect-error rows are no changes
  orders.process('a', debeziumJson({ name: 'shop' }))
  // @ts-expect-error changes are no messages
  flow.from('changes', fromArray<Change<Order>>([])).process('b', fromDebeziumJson())
  // @ts-expect-error a source of Debezium's has a name
  debeziumJson({})
  // @ts-expect-error nothing else is known to become of a delete
  flattened({ name: 'shop', deleted: 'keep' })
}

test('types flow', () => {
  expectTypeOf(wellTyped).returns.toBeVoid()
  expectTypeOf(illTyped).returns.toBeVoid()
})
