import { cpus, totalmem } from 'node:os'
import type { FlinkResult, Row } from './scenario.ts'

/** All of one run: written to a file and compared with the baseline. */
export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGb: number; readonly node: string }
  readonly rows: readonly Row[]
}

/** The machine we are on, in the words a reader compares. */
export function machine(): Report['machine'] {
  const cores = cpus()
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

const HEADS = [
  'workload',
  'measured',
  'plain loop',
  'of it',
  '±',
  'per CPU-second',
  'Flink (per CPU-second)',
  'memory',
  'goal',
  '',
]

/** The one table, in Markdown: it is read in a terminal and pasted into a page. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [HEADS, HEADS.map(() => '---'), ...rows.map(cellsOf)]
  const widths = HEADS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  return cells
    .map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
    .join('\n')
}

function cellsOf(row: Row): string[] {
  const { flink } = row
  return [
    row.name,
    quantity(row.value, row.unit),
    row.ceiling === undefined ? '' : quantity(row.ceiling, row.unit),
    row.ratio === undefined ? '' : row.ratio.toFixed(2),
    row.noise === undefined ? '' : `${Math.round(row.noise * 100)} %`,
    row.perCpuSecond === undefined ? '' : quantity(row.perCpuSecond, row.unit === 'MB/s' ? row.unit : 'records/s'),
    flink === undefined ? '' : besideFlink(row, flink),
    row.memoryMb === undefined ? '' : `${Math.round(row.memoryMb)} MB`,
    row.goal,
    row.met === undefined ? '' : row.met ? 'met' : 'MISSED',
  ]
}

function besideFlink({ perCpuSecond }: Row, flink: FlinkResult): string {
  const times = perCpuSecond === undefined ? '' : `; ours ${(perCpuSecond / flink.perCpuSecond).toFixed(1)} ×`
  return `${quantity(flink.perSecond, 'records/s')} (${quantity(flink.perCpuSecond, 'records/s')}${times})`
}

function quantity(value: number, unit: Row['unit']): string {
  if (unit === 'records/s') return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${Math.round(value / 1e3)} K/s`
  if (unit === '×') return `${value.toFixed(2)} ×`
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`
}
