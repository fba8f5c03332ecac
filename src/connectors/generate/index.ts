import { checkGenerateOptions, type GenerateOptions } from './options.ts'
import { GenerateSource } from './source.ts'

export type { GenerateOptions } from './options.ts'
export type { GenerateSplit } from './position.ts'
export { GenerateSource } from './source.ts'

/** A source of made-up records: seeded, in parallel parts, at a rate; replayable to the record. Throws CONNECTOR_OPTION. */
export function generate<T>(options: GenerateOptions<T>): GenerateSource<T> {
  checkGenerateOptions(options)
  return new GenerateSource(options)
}
