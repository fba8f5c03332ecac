/** A type as a source declares it (`decimal(10,2) unsigned`), taken apart. */
export interface DeclaredType {
  /** In lower case, without arguments: `decimal`, `character varying`; '' where nothing is declared. */
  readonly base: string
  /** Numbers in its parentheses; empty for others, such as an enum's labels. */
  readonly numbers: readonly number[]
  readonly unsigned: boolean
}

/** Understands what every database's declarations have in common. */
export function declaredType(text: string): DeclaredType {
  const lower = text.toLowerCase()
  const [, base = '', inner = '', rest = ''] = /^\s*([^(]*)(?:\(([\s\S]*)\))?([^)]*)$/.exec(lower) ?? []
  const unsigned = /\bunsigned\b/.test(base) || /\bunsigned\b/.test(rest)
  return {
    base: base.replace(/\b(unsigned|zerofill)\b/g, '').trim(),
    numbers: /^[\d\s,]+$/.test(inner) ? inner.split(',').map(Number) : [],
    unsigned,
  }
}

const DECIMALS = new Set(['decimal', 'numeric', 'dec', 'fixed', 'number'])

/** Whether its values are exact decimal numbers. */
export function isDecimalType({ base }: DeclaredType): boolean {
  return DECIMALS.has(base)
}
