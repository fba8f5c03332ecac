import { MillraceError } from 'millrace'
import type { FilesSourceOptions } from 'millrace/connectors/files'
import { COLUMN_TYPES, type ColumnType } from './column-type.ts'

type FileOptions = Pick<FilesSourceOptions<unknown>, 'paths' | 'format' | 'csv'>

export interface FileSettings {
  readonly from: string
  /** '' where nothing was said: the name tells. */
  readonly format: string
  readonly delimiter: string
  readonly pad: boolean
}

/** What kind of files these are: as said, else by their names. Throws SETTING_INVALID. */
export function fileOptions({ from, format, delimiter, pad }: FileSettings): FileOptions {
  const kind = format === '' ? kindByName(from) : format
  if (kind === 'ndjson') return { paths: from, format: kind }
  if (kind !== 'csv' && kind !== 'tsv') {
    throw new MillraceError('SETTING_INVALID', {
      key: 'format',
      value: JSON.stringify(kind),
      expected: 'csv or ndjson',
    })
  }
  const given = delimiter === 'tab' ? '\t' : delimiter
  return { paths: from, format: 'csv', csv: { delimiter: given === '' ? (kind === 'tsv' ? '\t' : ',') : given, pad } }
}

function kindByName(from: string): string {
  const name = from.replace(/\.gz$/, '')
  if (/\.(ndjson|jsonl|json)$/.test(name)) return 'ndjson'
  return /\.(tsv|tab)$/.test(name) ? 'tsv' : /\.(csv|txt)$/.test(name) ? 'csv' : ''
}

/** `a:integer,b:text`. Throws SETTING_INVALID. */
export function parseTypes(pairs: readonly string[]): ReadonlyMap<string, ColumnType> {
  const types = new Map<string, ColumnType>()
  for (const pair of pairs) {
    const at = pair.lastIndexOf(':')
    const type = COLUMN_TYPES.find((one) => one === pair.slice(at + 1))
    if (at < 1 || type === undefined) {
      const expected = `column:type with a type of ${COLUMN_TYPES.join(', ')}`
      throw new MillraceError('SETTING_INVALID', { key: 'types', value: JSON.stringify(pair), expected })
    }
    types.set(pair.slice(0, at), type)
  }
  return types
}
