// LiveScreen: a few lines kept at the end of a terminal, redrawn in place; other output appears above them.
//
// Owns: which lines are on the screen now.
// Does not own: what they say (view.ts), when they are drawn (live-reporter.ts).
//
// I1. The cursor is at the start of the line after the view whenever no write is under way.
// I2. Output above the view consists of whole lines; an unfinished one waits for its end (or for end()).

import { textWidth } from './format.ts'

interface Screen {
  readonly columns: number
  write(text: string): unknown
}

export class LiveScreen {
  readonly #screen: Screen
  #lines: readonly string[] = []
  #unfinished = ''

  constructor(screen: Screen) {
    this.#screen = screen
  }

  /** Replaces the view. */
  draw(lines: readonly string[]): void {
    // Each line is cleared behind its text rather than all at first: that would flicker.
    const text = lines.map((line) => `${line}\x1b[K\n`).join('')
    this.#screen.write(`${this.#toTop()}${text}\x1b[J`)
    this.#lines = lines
  }

  /** Writes whole lines above the view. `write`: where to, if not to the screen's own stream (stdout on the same terminal). */
  print(lines: string, write: (text: string) => unknown = (whole) => this.#screen.write(whole)): void {
    const view = this.#lines
    this.#erase()
    write(lines)
    this.draw(view)
  }

  /** The same for text that may end within a line, which then waits for its rest. */
  feed(text: string, write: (text: string) => unknown): void {
    const all = this.#unfinished + text
    const cut = all.lastIndexOf('\n') + 1
    this.#unfinished = all.slice(cut)
    if (cut > 0) this.print(all.slice(0, cut), write)
  }

  /** Takes the view away; what was unfinished is written as it is. */
  end(write: (text: string) => unknown = (whole) => this.#screen.write(whole)): void {
    this.#erase()
    if (this.#unfinished !== '') write(this.#unfinished)
    this.#unfinished = ''
  }

  #erase(): void {
    this.#screen.write(`${this.#toTop()}\x1b[J`)
    this.#lines = []
  }

  /** A narrower terminal has wrapped what was drawn when it was wider: count rows as they are now. */
  #toTop(): string {
    const columns = Math.max(1, this.#screen.columns)
    const rows = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(visibleWidth(line) / columns)), 0)
    return rows === 0 ? '\r' : `\r\x1b[${rows}A`
  }
}

function visibleWidth(line: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes take no room
  return textWidth(line.replaceAll(/\x1b\[\d+m/g, ''))
}
