import type { Row } from './rocks-store.ts'

/** Two streams of rows, each in the order of its keys, as one. */
export async function* mergeRows(
  a: AsyncGenerator<readonly Row[]>,
  b: AsyncGenerator<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  const left = new Cursor(a)
  const right = new Cursor(b)
  try {
    await Promise.all([left.fill(), right.fill()])
    while (left.head !== undefined || right.head !== undefined) {
      yield takeOrdered(left, right)
      await Promise.all([left.fill(), right.fill()])
    }
  } finally {
    await Promise.all([a.return(undefined), b.return(undefined)])
  }
}

/** As many rows as are known to come next: until one side has to be asked for more. */
function takeOrdered(left: Cursor, right: Cursor): Row[] {
  const rows: Row[] = []
  for (;;) {
    const [a, b] = [left.head, right.head]
    if ((a === undefined && !left.ended) || (b === undefined && !right.ended)) return rows
    if (a === undefined && b === undefined) return rows
    const first = b === undefined || (a !== undefined && Buffer.compare(a[0], b[0]) < 0) ? left : right
    rows.push(first.head as Row)
    first.next()
  }
}

class Cursor {
  readonly #chunks: AsyncGenerator<readonly Row[]>
  #rows: readonly Row[] = []
  #at = 0
  ended = false

  constructor(chunks: AsyncGenerator<readonly Row[]>) {
    this.#chunks = chunks
  }

  get head(): Row | undefined {
    return this.#rows[this.#at]
  }

  next(): void {
    this.#at += 1
  }

  async fill(): Promise<void> {
    while (this.head === undefined && !this.ended) {
      const { value, done } = await this.#chunks.next()
      this.ended = done === true
      this.#rows = done === true ? [] : value
      this.#at = 0
    }
  }
}
