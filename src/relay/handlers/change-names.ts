import type { Change, ChangeSource } from '../../record/change.ts'
import { firstFit, nameTest, retargeted, tableOf, withSource } from './name-map.ts'
import type { Emit, Stage } from './stage.ts'

/** Tables under other names. */
export class ChangeNames implements Stage<Change<unknown>> {
  readonly #emit: Emit<Change<unknown>>
  readonly #targetOf: (source: ChangeSource) => string
  #last: ChangeSource | undefined
  #renamed: ChangeSource | undefined

  constructor(
    names: Readonly<Record<string, string>>,
    only: readonly string[] | undefined,
    emit: Emit<Change<unknown>>,
  ) {
    const isMeant = nameTest(only)
    const targetOf = firstFit(names)
    this.#emit = emit
    this.#targetOf = (source) => (isMeant(tableOf(source)) ? targetOf(tableOf(source)) : undefined) ?? '*'
  }

  take(change: Change<unknown>): void {
    const { source } = change
    // One object for all changes of a source, so that who comes next knows it again.
    if (source !== this.#last) {
      this.#renamed = retargeted(source, this.#targetOf(source))
      this.#last = source
    }
    this.#emit(withSource(change, this.#renamed as ChangeSource))
  }
}
