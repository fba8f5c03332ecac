import { textWidth } from './format.ts'

/** Rows under headings, each column as wide as it needs; the columns named in `right` are aligned to the right. */
export function tableText(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => textWidth(row[column] ?? ''))))
  return all
    .map((row) => `  ${headings.map((heading, column) => aligned(heading, column, row)).join('  ')}`.trimEnd())
    .join('\n')

  function aligned(heading: string, column: number, row: readonly string[]): string {
    const cell = row[column] ?? ''
    const blanks = ' '.repeat((widths[column] ?? 0) - textWidth(cell))
    return right.includes(heading) ? blanks + cell : cell + blanks
  }
}
