// PreparedTransactions: XA transactions that are prepared, until another transaction commits or rolls them back.
//
// Owns: where each lies in the log, and its items as long as they are few.
//
// I1. Nothing of it has to outlive the log that was read: what is not known is looked for in the log.

import type { Transaction } from './transaction-reader.ts'

/** Bytes of all prepared transactions that are held. */
const HELD_BYTES_MAX = 16 << 20

export class PreparedTransactions<Row> {
  readonly #prepared = new Map<string, Transaction<Row>>()
  #bytes = 0

  add(xid: string, transaction: Transaction<Row>): void {
    this.remove(xid)
    const fits = transaction.items !== undefined && this.#bytes + transaction.bytes <= HELD_BYTES_MAX
    this.#prepared.set(xid, fits ? transaction : { ...transaction, items: undefined })
    if (fits) this.#bytes += transaction.bytes
  }

  get(xid: string): Transaction<Row> | undefined {
    return this.#prepared.get(xid)
  }

  remove(xid: string): void {
    const transaction = this.#prepared.get(xid)
    if (transaction?.items !== undefined) this.#bytes -= transaction.bytes
    this.#prepared.delete(xid)
  }
}
