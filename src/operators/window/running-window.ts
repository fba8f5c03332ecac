// RunningWindow: the panes of one key merged for windows that follow each other, each pane a few times in all.
//
// Two stacks: the older panes of the window as accumulators of each of them and all behind it (`front`), the newer ones as one
// accumulator (`back`). A pane that leaves is one step in the front; when that is used up, it is made anew from all panes there are.
//
// Owns: accumulators merged from panes, which can be made again. Does not own: the panes.
//
// I1. Windows are asked for in the order of their ends, and their begins never fall.
// I2. Panes up to the last end asked for do not change: where one does, this object is thrown away.

import type { WindowFold } from './window-spec.ts'

/** See the head of this file. */
export class RunningWindow {
  readonly #fold: WindowFold
  #frontPanes: number[] = []
  /** Of the pane in the same place, and all behind it in the front. */
  #front: unknown[] = []
  /** Where the oldest pane of the window is in the front. */
  #at = 0
  /** The first pane in the back, and the last one in front or back. */
  #backFirst = Number.NaN
  #covered = Number.NaN
  #back: unknown

  constructor(fold: WindowFold) {
    this.#fold = fold
  }

  /** All panes from the one at `at` to the window's end, in an accumulator that is not used again. `panes`: see SlicedWindowOperator. */
  accumulated(panes: readonly unknown[], at: number, end: number): unknown {
    const first = panes[at] as number
    while (this.#at < this.#front.length && (this.#frontPanes[this.#at] as number) < first) this.#at += 1
    const inFront = this.#frontPanes[this.#at] === first
    if (inFront || this.#backFirst === first) this.#extend(panes, end)
    else this.#turn(panes, at, end)
    if (this.#at === this.#front.length) return this.#apart(this.#back)
    const front = this.#apart(this.#front[this.#at])
    return Number.isNaN(this.#backFirst) ? front : this.#fold.merge(front, this.#back)
  }

  /** Makes the front of all panes of the window. */
  #turn(panes: readonly unknown[], at: number, end: number): void {
    this.#frontPanes = []
    this.#front = []
    this.#at = 0
    this.#backFirst = Number.NaN
    this.#back = undefined
    for (let i = at; i < panes.length && (panes[i] as number) < end; i += 2) {
      this.#frontPanes.push(panes[i] as number)
      this.#front.push(this.#apart(panes[i + 1]))
    }
    this.#covered = this.#frontPanes[this.#frontPanes.length - 1] as number
    for (let i = this.#front.length - 2; i >= 0; i -= 1) {
      this.#front[i] = this.#fold.merge(this.#front[i], this.#front[i + 1])
    }
  }

  /** Adds the panes that are new in the window to the back. */
  #extend(panes: readonly unknown[], end: number): void {
    let next = panes.length
    while ((panes[next - 2] as number) > this.#covered) next -= 2
    for (; next < panes.length && (panes[next] as number) < end; next += 2) {
      const pane = panes[next] as number
      if (Number.isNaN(this.#backFirst)) {
        this.#backFirst = pane
        this.#back = this.#apart(panes[next + 1])
      } else this.#back = this.#fold.merge(this.#back, panes[next + 1])
      this.#covered = pane
    }
  }

  /** An accumulator that may be changed, with what is in this one. */
  #apart(accumulator: unknown): unknown {
    return typeof accumulator === 'object' ? this.#fold.merge(this.#fold.create(), accumulator) : accumulator
  }
}
