import type { Batch } from '../../src/record/batch.ts'
import type { Barrier, EndOfInput, StreamStatus, Watermark } from '../../src/record/element.ts'
import type { Pending } from '../channel/channel.ts'
import type { EdgeWriter } from '../channel/edge-writer.ts'
import type { Target } from './output-collector.ts'
import type { TimeShares } from './time-shares.ts'

/** An edge to other tasks as a chain sees it: waiting for room in it is told apart from working. */
export class EdgeTarget implements Target {
  /** The node whose output it carries. */
  readonly node: string
  readonly #edge: EdgeWriter
  readonly #shares: TimeShares

  constructor(node: string, edge: EdgeWriter, shares: TimeShares) {
    this.node = node
    this.#edge = edge
    this.#shares = shares
  }

  get bytesOut(): number {
    return this.#edge.bytesOut
  }

  push(batch: Batch): Pending {
    return this.#wait(this.#edge.push(batch))
  }

  signal(element: Watermark | StreamStatus): Pending {
    return this.control(element)
  }

  control(element: Watermark | StreamStatus | Barrier | EndOfInput): Pending {
    return this.#wait(this.#edge.control(element))
  }

  flush(): Pending {
    return this.#edge.holdsRecords ? this.#wait(this.#edge.flush()) : undefined
  }

  close(): void {
    this.#edge.close()
  }

  #wait(pending: Pending): Pending {
    if (pending === undefined) return undefined
    this.#shares.become('backPressured')
    return pending.then(() => this.#shares.become('busy'))
  }
}
