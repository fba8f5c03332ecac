import type { AlignedWindows, TimeWindow } from './window.ts'

/**
 * The panes of windows on a grid: stretches of time between two neighbouring begins or ends of windows. Each record is in one
 * pane, each window is a row of panes, and of a slide there are two at most, whatever the size. No two windows have one end.
 */
export class PaneLayout {
  readonly #sizeMs: number
  readonly #slideMs: number
  readonly #offsetMs: number
  readonly #cumulative: boolean
  /** How far behind a begin there is an end that is not a begin; 0: begins and ends fall together. */
  readonly #cutMs: number

  constructor({ kind, sizeMs, slideMs, offsetMs }: AlignedWindows) {
    this.#sizeMs = sizeMs
    this.#slideMs = slideMs
    this.#offsetMs = offsetMs
    this.#cumulative = kind === 'cumulative'
    this.#cutMs = sizeMs % slideMs
  }

  /** The begin of the pane that a time falls into. */
  paneOf(time: number): number {
    const begin = this.#floor(time)
    const cut = begin + this.#cutMs
    return time < cut ? begin : cut
  }

  /** The end of the pane that begins there. */
  paneEnd(pane: number): number {
    const begin = this.#floor(pane)
    const cut = begin + this.#cutMs
    return pane < cut ? cut : begin + this.#slideMs
  }

  /** The end of the first window that holds the pane; no end after lastEnd() counts. */
  firstEnd(pane: number): number {
    return this.#cumulative ? pane + this.#slideMs : this.nextEnd(pane)
  }

  /** The end of the last window that holds the pane; not after `pane` if none does, which is where windows leave gaps. */
  lastEnd(pane: number): number {
    return this.#cumulative ? this.#floorToSize(pane) + this.#sizeMs : this.#floor(pane) + this.#sizeMs
  }

  /** The first end of a window after a time. */
  nextEnd(time: number): number {
    return this.#cumulative
      ? this.#floor(time) + this.#slideMs
      : this.#floor(time - this.#sizeMs) + this.#slideMs + this.#sizeMs
  }

  /** The begin of the window with that end. */
  windowStart(end: number): number {
    return this.#cumulative ? this.#floorToSize(end - this.#slideMs) : end - this.#sizeMs
  }

  /** All windows that hold a time, the one that ends first to begin with. */
  windowsOf(time: number): TimeWindow[] {
    const pane = this.paneOf(time)
    const last = this.lastEnd(pane)
    const windows: TimeWindow[] = []
    if (last <= pane) return windows
    for (let end = this.firstEnd(pane); end <= last; end += this.#slideMs) {
      windows.push({ start: this.windowStart(end), end })
    }
    return windows
  }

  #floor(time: number): number {
    return Math.floor((time - this.#offsetMs) / this.#slideMs) * this.#slideMs + this.#offsetMs
  }

  #floorToSize(time: number): number {
    return Math.floor((time - this.#offsetMs) / this.#sizeMs) * this.#sizeMs + this.#offsetMs
  }
}
