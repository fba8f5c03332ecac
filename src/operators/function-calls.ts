// The calls that every kind of process function has alike: a timer that fires, and the end of the input.

import type { Output } from '../contract/operator.ts'
import type { Collector, OnTimerContext } from '../contract/process-function.ts'
import type { Key } from '../util/key-group.ts'
import { userErrorIn } from '../util/user-error.ts'
import type { BatchCollector } from './collector.ts'
import type { KeyedFunctionContext } from './function-context.ts'

interface FiringFunction<K extends Key, Out> {
  onTimer(timestampMs: number, context: OnTimerContext<K>, out: Collector<Out>): void
}

interface FiredTimer {
  readonly timestamp: number
  readonly domain: 'event' | 'processing'
  readonly key: Key
}

/** Where a function's calls come from and go to. */
export interface CallSite<Out> {
  readonly node: string
  readonly collector: BatchCollector<Out>
  readonly out: Output
}

/** Calls onTimer for a fired timer, whose key is current. Throws USER_FUNCTION. */
export function callOnTimer<K extends Key, Out>(
  fn: FiringFunction<K, Out>,
  context: KeyedFunctionContext<K>,
  { timestamp, domain, key }: FiredTimer,
  { node, collector, out }: CallSite<Out>,
): void {
  const eventTime = domain === 'event' ? timestamp : undefined
  context.key = key as K
  context.domain = domain
  context.timestamp = eventTime
  collector.timestamp = eventTime
  collector.begin(out)
  try {
    fn.onTimer(timestamp, context, collector)
  } catch (error) {
    throw userErrorIn(node, `the ${domain}-time timer ${timestamp} of key ${String(key)}`, error)
  }
  collector.end()
}

/** Calls endOfInput. Throws USER_FUNCTION. */
export function callEndOfInput<Out>(
  fn: { endOfInput(out: Collector<Out>): void },
  { node, collector, out }: CallSite<Out>,
): void {
  collector.timestamp = undefined
  collector.begin(out)
  try {
    fn.endOfInput(collector)
  } catch (error) {
    throw userErrorIn(node, 'the end of its input', error)
  }
  collector.end()
}
