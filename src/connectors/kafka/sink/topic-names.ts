import type { WrittenRecord } from '../formats/format.ts'

/** Which topic a record goes to: always one, what a function says, or that of the record, by patterns. */
export type TopicOption<T> = string | ((value: T) => string) | Readonly<Record<string, string>>

/** The topic of a value; undefined if nothing says it. */
export type TopicOf<T> = (value: T, record: WrittenRecord) => string | undefined

/** What the option means. In patterns `*` stands for any characters; the first that fits the record's own topic counts. */
export function topicOf<T>(option: TopicOption<T> | undefined): TopicOf<T> {
  if (typeof option === 'string') return () => option
  if (typeof option === 'function') return (value) => option(value)
  if (option === undefined) return (_value, { topic }) => topic
  const routes = Object.entries(option).map(([from, to]) => ({ from: patternOf(from), to }))
  const known = new Map<string, string>()
  return (_value, { topic }) => {
    if (topic === undefined) return undefined
    let name = known.get(topic)
    if (name === undefined) {
      name = routed(topic, routes)
      known.set(topic, name)
    }
    return name
  }
}

/** The stars of the target are filled in order with what those of the pattern stood for. A topic that nothing fits keeps its name. */
function routed(topic: string, routes: readonly { readonly from: RegExp; readonly to: string }[]): string {
  for (const { from, to } of routes) {
    const found = from.exec(topic)
    if (found === null) continue
    let star = 0
    return to.replaceAll('*', () => found[Math.min(++star, found.length - 1)] ?? '')
  }
  return topic
}

function patternOf(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '(.*)')}$`)
}

/** What is wrong with the name of a topic; undefined if nothing. */
export function topicNameFault(name: unknown): string | undefined {
  if (typeof name === 'string' && /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..')
    return undefined
  return 'expected 1 to 249 of the characters a-z A-Z 0-9 . _ -, and not . or ..'
}
