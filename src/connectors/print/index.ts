import type { PrintOptions } from './options.ts'
import { PrintSink } from './sink.ts'

export type { PrintOptions } from './options.ts'
export { PrintSink } from './sink.ts'

/** A sink that writes each record as a line to standard output. At least once: lines may repeat after a crash. */
export function print(options: PrintOptions = {}): PrintSink {
  return new PrintSink(options)
}
