// State of a given size, then records without end: killed and started again, how long until it goes on?

import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction, seededRng } from 'millrace'
import { CountSource } from '../count-source.ts'
import { MarkingSink } from '../marking-sink.ts'

interface Kept {
  readonly count: number
  readonly blob: Uint8Array
}

/** Counts the visits of a key and keeps a blob that does not compress, made from the key. */
class KeepBlob extends KeyedProcessFunction<number, number, number> {
  readonly #kept = this.valueState<Kept>('kept')
  readonly #bytes: number

  constructor(bytes: number) {
    super()
    this.#bytes = bytes
  }

  override process(_record: number, { key }: KeyedProcessContext<number>, out: Collector<number>): void {
    const { count, blob } = this.#kept.get() ?? { count: 0, blob: noise(key, this.#bytes) }
    this.#kept.set({ count: count + 1, blob })
    out.emit(count + 1)
  }
}

function noise(seed: number, bytes: number): Uint8Array {
  const rng = seededRng(seed)
  return Uint8Array.from({ length: bytes }, () => rng.int(256))
}

export default job('restore', (flow, settings) => {
  const keys = settings.number('keys', 1000)
  const bytes = settings.number('bytes', 1000)
  flow
    .from('records', new CountSource(Number.MAX_SAFE_INTEGER, (i) => i % keys))
    .keyBy('key', (key) => key)
    .process('keep', () => new KeepBlob(bytes))
    .to('mark', new MarkingSink(settings.string('marker')))
})
