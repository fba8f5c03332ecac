// Sinks for one table.

import type { RichSinkFunction } from '../../../contract/sink-function.ts'
import type { Change } from '../../../record/change.ts'
import type { Batch } from '../../sql/batch.ts'
import type { EpochRecords } from '../../sql/epoch-writer.ts'
import type { ControlConnection } from './control-connection.ts'
import { EpochSink } from './epoch-sink.ts'
import { type MysqlTableOptions, parseTableOptions, type TableSettings } from './options.ts'
import { RoundSink } from './round-sink.ts'
import { RowTarget } from './row-target.ts'
import type { TargetTable } from './target-table.ts'

/**
 * Rows into a table. With `key`, rows with the same key replace each other, and what is written shows within batchMs; without, every
 * row is added, exactly once: epoch by epoch, each in a transaction that also notes the epoch. Throws CONNECTOR_OPTION.
 */
export function mysqlTable<Row>(
  options: MysqlTableOptions & { readonly key?: readonly string[] },
): RichSinkFunction<Row> {
  const settings = parseTableOptions(options, 'mysqlTable')
  return settings.key === undefined ? new AddedRows<Row>(settings) : new UpsertedRows<Row>(settings)
}

/**
 * Changes into a table, so that it becomes equal to where they come from: created and updated rows are written, deleted ones
 * deleted, a row whose key changes moves. `key` names the columns that tell rows apart. Throws CONNECTOR_OPTION.
 */
export function mysqlTableChanges<Row>(
  options: MysqlTableOptions & { readonly key: readonly string[] },
): RichSinkFunction<Change<Row>> {
  return new ChangedRows<Row>(parseTableOptions(options, 'mysqlTableChanges'))
}

abstract class KeyedRows<T> extends RoundSink<T, TableSettings> {
  protected readonly keepsTransactions = false
  protected target!: RowTarget

  protected async prepare(control: ControlConnection): Promise<void> {
    this.target = new RowTarget(this.settings, control)
    await this.target.open()
  }

  async write(records: readonly T[]): Promise<void> {
    const { writer } = this
    for (const record of records) {
      if (this.isClearing(record)) {
        await writer.settled()
        await this.target.clear()
        continue
      }
      if (!this.target.isReady) {
        const row = this.rowOf(record)
        if (row === undefined) continue
        await this.target.prepare(row)
      }
      this.put(record, writer.batch)
    }
    const turn = writer.due()
    if (turn !== undefined) await turn
  }

  /** Everything that was written before is to go. */
  protected abstract isClearing(record: T): boolean
  /** A row that shows the columns; undefined if the record has none. */
  protected abstract rowOf(record: T): unknown
  protected abstract put(record: T, batch: Batch<TargetTable>): void
}

class UpsertedRows<Row> extends KeyedRows<Row> {
  protected isClearing(): boolean {
    return false
  }

  protected rowOf(row: Row): unknown {
    return row
  }

  protected put(row: Row, batch: Batch<TargetTable>): void {
    batch.write(this.target.table, this.target.valuesOf(row))
  }
}

class ChangedRows<Row> extends KeyedRows<Change<Row>> {
  protected isClearing({ op }: Change<Row>): boolean {
    return op === 't'
  }

  protected rowOf({ before, after }: Change<Row>): unknown {
    return after ?? before ?? undefined
  }

  protected put({ op, before, after }: Change<Row>, batch: Batch<TargetTable>): void {
    const { target } = this
    if (op === 's') return
    const { table } = target
    const values = after === null ? undefined : target.valuesOf(after)
    if (before !== null) {
      const was = target.keyValuesOf(before)
      if (values === undefined || table.idOf(was) !== table.idOf(values)) batch.remove(table, was)
    }
    if (values !== undefined) batch.write(table, values)
  }
}

class AddedRows<Row> extends EpochSink<Row, TableSettings> {
  #target!: RowTarget

  protected async prepare(control: ControlConnection): Promise<EpochRecords<Row, TargetTable>> {
    const target = new RowTarget(this.settings, control)
    this.#target = target
    await target.open()
    return {
      put: (row, batch) => batch.write(target.table, target.valuesOf(row)),
      isStructural: () => false,
      workOf: () => undefined,
    }
  }

  /** The first row shows the columns. */
  protected async lookAt(rows: readonly Row[]): Promise<void> {
    if (!this.#target.isReady && rows.length > 0) await this.#target.prepare(rows[0])
  }
}
