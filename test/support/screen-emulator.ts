// The part of a terminal that a view in place uses: lines, wrapping, cursor up, clear to the end.

export class ScreenEmulator {
  columns: number
  #rows: string[] = ['']
  #row = 0
  #column = 0

  constructor(columns: number) {
    this.columns = columns
  }

  /** Everything that can be seen, scrolled-off lines included. */
  get text(): string {
    return this.#rows.map((row) => row.trimEnd()).join('\n')
  }

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is a terminal
    for (const [part] of text.matchAll(/\x1b\[(\d*)([A-Za-z])|.|\n/gu)) this.#put(part)
    return true
  }

  #put(part: string): void {
    if (part === '\n') this.#newLine()
    else if (part === '\r') this.#column = 0
    else if (part.startsWith('\x1b')) this.#obey(part)
    else this.#print(part)
  }

  #print(character: string): void {
    if (this.#column + 1 > this.columns) this.#newLine()
    const row = this.#rows[this.#row] ?? ''
    this.#rows[this.#row] = row.slice(0, this.#column).padEnd(this.#column) + character + row.slice(this.#column + 1)
    this.#column += 1
  }

  #newLine(): void {
    this.#row += 1
    this.#column = 0
    if (this.#row === this.#rows.length) this.#rows.push('')
  }

  #obey(code: string): void {
    const count = Number(code.slice(2, -1) || 1)
    if (code.endsWith('A')) this.#row = Math.max(0, this.#row - count)
    if (code.endsWith('K')) this.#rows[this.#row] = (this.#rows[this.#row] ?? '').slice(0, this.#column)
    if (!code.endsWith('J')) return
    this.#rows[this.#row] = (this.#rows[this.#row] ?? '').slice(0, this.#column)
    this.#rows.length = this.#row + 1
  }
}
