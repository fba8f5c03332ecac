// SqlTokens: the words of a statement, one after the other, as far as they are asked for. No grammar: who reads them knows what he looks for.

/** How the server read the statement's quotes: parts of its sql_mode. */
export interface SqlMode {
  /** ANSI_QUOTES: "x" is a name. */
  readonly ansiQuotes: boolean
  /** NO_BACKSLASH_ESCAPES: a backslash in a string is a backslash. */
  readonly plainBackslashes: boolean
}

/** A word may be a keyword or a name, a name is quoted; text is without its quotes. */
export interface SqlToken {
  readonly kind: 'word' | 'name' | 'string' | 'mark'
  readonly text: string
}

const SPACE = /\s+/y
const LINE_COMMENT = /(?:--(?=\s|$)|#)[^\n]*/y
const EXECUTABLE = /\/\*M?!\d*/y
const WORD = /[\p{L}\p{N}_$\u0080-\uffff]+/uy

export class SqlTokens {
  readonly #sql: string
  readonly #mode: SqlMode
  #at = 0
  /** Inside of a comment that the server executes. */
  #executed = false
  #peeked: SqlToken | undefined

  constructor(sql: string, mode: SqlMode) {
    this.#sql = sql
    this.#mode = mode
  }

  /** The next token, left where it is; undefined at the end. */
  peek(): SqlToken | undefined {
    this.#peeked ??= this.#read()
    return this.#peeked
  }

  next(): SqlToken | undefined {
    const token = this.peek()
    this.#peeked = undefined
    return token
  }

  /** Takes the words if they come next, in this order and any case. */
  take(...words: readonly string[]): boolean {
    const [at, executed, peeked] = [this.#at, this.#executed, this.#peeked]
    for (const word of words) {
      const token = this.next()
      if (token?.kind === 'word' && token.text.toUpperCase() === word) continue
      this.#at = at
      this.#executed = executed
      this.#peeked = peeked
      return false
    }
    return true
  }

  /** Takes the mark if it comes next. */
  takeMark(mark: string): boolean {
    const token = this.peek()
    const there = token?.kind === 'mark' && token.text === mark
    if (there) this.next()
    return there
  }

  #read(): SqlToken | undefined {
    this.#skip()
    const sql = this.#sql
    const first = sql[this.#at]
    if (first === undefined) return undefined
    if (first === '`') return { kind: 'name', text: this.#quoted('`', false) }
    if (first === '"' && this.#mode.ansiQuotes) return { kind: 'name', text: this.#quoted('"', false) }
    if (first === "'" || first === '"')
      return { kind: 'string', text: this.#quoted(first, !this.#mode.plainBackslashes) }
    const word = this.#match(WORD)
    if (word !== undefined) return { kind: 'word', text: word }
    this.#at += 1
    return { kind: 'mark', text: first }
  }

  /** White space and comments. */
  #skip(): void {
    for (;;) {
      if (this.#match(SPACE) !== undefined || this.#match(LINE_COMMENT) !== undefined) continue
      if (this.#executed && this.#sql.startsWith('*/', this.#at)) {
        this.#executed = false
        this.#at += 2
      } else if (this.#match(EXECUTABLE) !== undefined) this.#executed = true
      else if (this.#sql.startsWith('/*', this.#at)) {
        const end = this.#sql.indexOf('*/', this.#at + 2)
        this.#at = end < 0 ? this.#sql.length : end + 2
      } else return
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#sql)?.[0]
    if (found === undefined) return undefined
    this.#at += found.length
    return found
  }

  /** What is between quotes; a doubled quote stands for one. */
  #quoted(quote: string, escapes: boolean): string {
    const sql = this.#sql
    let text = ''
    let from = this.#at + 1
    let at = from
    for (; at < sql.length; at++) {
      if (escapes && sql[at] === '\\') at++
      else if (sql[at] !== quote) continue
      else if (sql[at + 1] !== quote) break
      else {
        text += sql.slice(from, at + 1)
        from = at + 2
        at++
      }
    }
    this.#at = Math.min(at + 1, sql.length)
    return text + sql.slice(from, at)
  }
}
