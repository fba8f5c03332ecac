// What must not leave the process in messages and log lines: values under names that look secret, passwords in URLs.

const TEXT_CHARACTERS_MAX = 500
const SECRET_NAME = /pass(word|wd|phrase)?$|secret|token|(api|access|private)[-_]?key|credential|authorization|^pwd$/i
const SECRET_IN_TEXT =
  /([\w-]*(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private)[-_]?key|credential|authorization)[\w-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;}&]+)/gi
const URL_PASSWORD = /(\/\/[^\s/:@]+:)[^\s/@]+@/g

/** The text with what looks secret replaced by ***, cut to 500 characters. */
export function maskText(text: string): string {
  const masked = text.replace(SECRET_IN_TEXT, '$1***').replace(URL_PASSWORD, '$1***@')
  return masked.length <= TEXT_CHARACTERS_MAX ? masked : `${masked.slice(0, TEXT_CHARACTERS_MAX - 1)}…`
}

/** Fields of a log line, flat, with secret ones replaced by ***. */
export function maskFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (SECRET_NAME.test(name)) return [name, '***']
      return [name, typeof value === 'string' ? maskText(value) : plain(value)]
    }),
  )
}

/** Something that can cross to another thread. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return maskText(value.message)
  if (typeof value === 'function' || typeof value === 'symbol') return String(value)
  if (typeof value !== 'object' || value === null) return value
  try {
    return maskText(JSON.stringify(value, (name, item: unknown) => plainMember(name, item)) ?? '')
  } catch {
    return '(cannot be shown)'
  }
}

function plainMember(name: string, item: unknown): unknown {
  if (SECRET_NAME.test(name)) return '***'
  return typeof item === 'bigint' ? `${item}` : item
}
