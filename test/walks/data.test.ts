// The first walk: data. One batch of orders on its way from a source to a table, station by station, carried by hand.
//
//   source → batch → operator chain → channel → gate → keyed state → sink
//
// In a running job a task (runtime/task/task.ts) does the carrying; everything that is carried and everyone who handles it is here.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { expect, test } from 'vitest'
import { DEFAULT_LOCAL_BOUNDS } from '../../runtime/channel/channel.ts'
import { EdgeWriter } from '../../runtime/channel/edge-writer.ts'
import { FrameCodec } from '../../runtime/channel/frame.ts'
import { LocalChannel } from '../../runtime/channel/local-channel.ts'
import { InputGate } from '../../runtime/task/input-gate.ts'
import { generate } from '../../src/connectors/generate/index.ts'
import { sqliteTable } from '../../src/connectors/sqlite/index.ts'
import { MAIN_OUTPUT } from '../../src/contract/operator.ts'
import { type Collector, KeyedProcessFunction } from '../../src/contract/process-function.ts'
import type { UpsertSinkFunction } from '../../src/contract/sink-function.ts'
import { FilterOperator } from '../../src/operators/filter.ts'
import { KeyByOperator } from '../../src/operators/key-by.ts'
import { KeyedProcessOperator } from '../../src/operators/keyed-process.ts'
import type { Batch } from '../../src/record/batch.ts'
import { DEFAULT_KEY_GROUPS, keyGroupOf, subtaskOfKeyGroup } from '../../src/util/key-group.ts'
import { HeapKeyedContext, OperatorDriver } from '../support/operator-driver.ts'
import { ManualClock, runtimeContext } from '../support/runtime-context.ts'
import { SourceDriver } from '../support/source-driver.ts'

interface Order {
  readonly customer: string
  readonly cents: number
}

interface Total {
  readonly customer: string
  readonly cents: number
}

class Totals extends KeyedProcessFunction<string, Order, Total> {
  readonly #sum = this.valueState<number>('sum')

  override process(order: Order, { key }: { key: string }, out: Collector<Total>): void {
    const cents = (this.#sum.get() ?? 0) + order.cents
    this.#sum.set(cents)
    out.emit({ customer: key, cents })
  }
}

test('data: from a source to a table', async () => {
  // 1. A source hands out splits and reads them by position. It is pulled: nobody wants a batch, none is made.
  const source = generate<Order>({ count: 6, make: (i) => ({ customer: i % 2 === 0 ? 'ann' : 'bob', cents: i * 100 }) })
  const orders = await new SourceDriver(source).start()
  const [first, ...rest] = await orders.take(6)
  expect([first, rest.length]).toEqual([{ customer: 'ann', cents: 0 }, 5])

  // 2. Records travel in batches: columns of equal length, never one promise for one record. The nodes of a chain are called one after
  //    the other over the whole batch. Here: orders of nothing are dropped, then each record gets its key.
  const filter = await new OperatorDriver(new FilterOperator<Order>('paid', ({ cents }) => cents > 0)).open()
  await filter.push([first, ...rest])
  const keyBy = await new OperatorDriver(new KeyByOperator<string, Order>('customer', (order) => order.customer)).open()
  await keyBy.push(filter.out.values())
  const keyed = keyBy.out.byOutput.get(MAIN_OUTPUT) ?? []
  expect(keyed.map(({ key }) => key)).toEqual(['bob', 'ann', 'bob', 'ann', 'bob'])

  // 3. An edge knows the channel of each record: its key hashes to a key group, a group belongs to one of the reading subtasks.
  const channels = [new LocalChannel(DEFAULT_LOCAL_BOUNDS), new LocalChannel(DEFAULT_LOCAL_BOUNDS)]
  const edge = new EdgeWriter({ partitioner: 'hash', writers: channels, keyGroups: DEFAULT_KEY_GROUPS, first: 0 })
  const batch: Batch = {
    kind: 'batch',
    values: keyed.map(({ value }) => value),
    timestamps: undefined,
    keys: keyed.map(({ key }) => key ?? ''),
  }
  await edge.push(batch)
  await edge.flush()
  const ownerOf = (key: string): number =>
    subtaskOfKeyGroup(keyGroupOf(key, DEFAULT_KEY_GROUPS), DEFAULT_KEY_GROUPS, channels.length)
  const forBob = channels[ownerOf('bob')]?.peek() as Batch
  expect(forBob.keys).toContain('bob')

  // 4. Were the reader in another thread, the batch would cross as one frame of bytes.
  const codec = new FrameCodec()
  expect(codec.decode(codec.encode(forBob, 'customer'))).toEqual(forBob)

  // 5. At the other end of its channels a task has a gate: the one place it reads from.
  const gate = new InputGate({
    channels: channels.map((reader) => ({ reader, input: 0 })),
    delivery: 'exactly-once',
    clock: new ManualClock(),
    onReadable: () => {},
  })
  const totals = await new OperatorDriver(new KeyedProcessOperator('totals', new Totals()), {
    keyed: new HeapKeyedContext(),
  }).open()

  // 6. The keyed function sees record after record, each with the state of its key. Order is kept per key.
  for (let read = gate.next(); read?.kind === 'batch'; read = gate.next()) {
    await totals.operator.process(read, totals.out, gate.lastInput)
  }
  const updates = totals.out.values() as Total[]
  expect(updates.filter(({ customer }) => customer === 'bob').map(({ cents }) => cents)).toEqual([100, 400, 900])

  // 7. The sink writes what came, and at a barrier makes it durable. What a reader of the table sees:
  expect(await writtenTo('totals', updates)).toEqual([
    { customer: 'ann', cents: 600 },
    { customer: 'bob', cents: 900 },
  ])
})

async function writtenTo(table: string, updates: readonly Total[]): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'walk-data-'))
  const file = join(folder, 'report.db')
  const sink = sqliteTable<Total>({ file, table, key: ['customer'], create: true }) as UpsertSinkFunction<Total>
  await sink.open(runtimeContext())
  await sink.write(updates)
  await sink.flush()
  await sink.close()
  const report = new Libsql(file)
  const rows = report.prepare(`SELECT customer, cents FROM ${table} ORDER BY customer`).all()
  report.close()
  rmSync(folder, { recursive: true })
  return rows
}
