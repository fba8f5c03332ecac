/** One line of the table. */
export interface Measured {
  readonly name: string
  /** As a reader would say it, e.g. `312 K rows/s`. */
  readonly ours: string
  readonly beside: string
  /** Ours in times of it; undefined where the figure stands alone. */
  readonly ratio: number | undefined
  readonly goal: string
  readonly met: boolean
}

/** `312 K`. */
export function thousands(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${(value / 1e3).toFixed(value < 10_000 ? 1 : 0)} K`
}

export function tableOf(rows: readonly Measured[]): string {
  const lines = rows.map(({ name, ours, beside, ratio, goal, met }) =>
    [name, ours, beside, ratio === undefined ? '' : `${ratio.toFixed(2)} ×`, goal, met ? 'met' : 'MISSED'].join(' | '),
  )
  const head = ['what', 'Millrace', 'beside it', 'ratio', 'goal', ''].join(' | ')
  return [head, '--- | --- | --- | --- | --- | ---', ...lines].map((line) => `| ${line} |`).join('\n')
}
