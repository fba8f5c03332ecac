// Which topics and partitions an option `topics` means.

import { tablePattern } from '../../cdc/table-pattern.ts'

/** See the head of this file. */
export interface TopicSelection {
  /** As it was written, for messages. */
  readonly text: string
  /** Topics that must be there. */
  readonly names: readonly string[]
  /** Others may match: all topics are to be looked at. */
  readonly hasPatterns: boolean
  /** Only these partitions of each topic; undefined: all, those that are added later too. */
  readonly partitions: ReadonlyMap<string, readonly number[]> | undefined
  /** Whether a topic is meant. */
  matches(topic: { readonly name: string; readonly internal: boolean }): boolean
}

type Given = string | readonly string[] | Readonly<Record<string, readonly number[]>>

/** `except` is a topic that patterns do not mean, whatever they say. Throws what `wrong` makes. */
export function topicSelection(
  given: Given,
  except: string | undefined,
  wrong: (path: string, reason: string) => Error,
): TopicSelection {
  const selection =
    typeof given === 'string' || Array.isArray(given)
      ? byName([given].flat(), except, wrong)
      : bySet(given as PartitionSet)
  if (except !== undefined && selection.names.includes(except))
    throw wrong('undecodable.deadLetterTopic', `"${except}" is one of the topics read: letters would come back`)
  return selection
}

type PartitionSet = Readonly<Record<string, readonly number[]>>

function byName(
  patterns: readonly string[],
  except: string | undefined,
  wrong: (path: string, reason: string) => Error,
): TopicSelection {
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'))
  if (wanted.length === 0) throw wrong('topics', 'it only leaves topics out: say which to read, such as *')
  if (patterns.includes('!')) throw wrong('topics', 'expected the name of a topic behind !')
  const matches = tablePattern(patterns, 'kafkaSource')
  const names = wanted.filter((pattern) => !/[*?]/.test(pattern)).filter((name) => matches(name))
  return {
    text: patterns.join(', '),
    names,
    hasPatterns: wanted.some((pattern) => /[*?]/.test(pattern)),
    partitions: undefined,
    matches: ({ name, internal }) => names.includes(name) || (!internal && name !== except && matches(name)),
  }
}

function bySet(set: PartitionSet): TopicSelection {
  const partitions = new Map(
    Object.entries(set).map(([topic, list]) => [topic, [...new Set(list)].sort((a, b) => a - b)]),
  )
  return {
    text: Object.keys(set).join(', '),
    names: [...partitions.keys()],
    hasPatterns: false,
    partitions,
    matches: ({ name }) => partitions.has(name),
  }
}

/** Whether a partition that was read is still meant; of an internal topic, too. */
export function isMeant({ matches, partitions }: TopicSelection, topic: string, partition: number): boolean {
  return matches({ name: topic, internal: false }) && partitions?.get(topic)?.includes(partition) !== false
}
