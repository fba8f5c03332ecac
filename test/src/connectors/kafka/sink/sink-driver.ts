// Drives a Kafka sink as the machine does.

import type { RuntimeContext } from '../../../../../src/contract/runtime-context.ts'
import {
  EpochSinkFunction,
  type RichSinkFunction,
  UpsertSinkFunction,
} from '../../../../../src/contract/sink-function.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { type ContextOptions, runtimeContext } from '../../../../support/runtime-context.ts'

/** Brokers have their own time: a sink waits for them by the real clock. */
export function realContext(options: ContextOptions = {}): RuntimeContext {
  return runtimeContext({ clock: systemClock, ...options })
}

/** Batches that may be iterated again, as the machine's log. */
export function batchesOf<T>(...lists: readonly (readonly T[])[]): AsyncIterable<readonly T[]> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const list of lists) yield await Promise.resolve(list)
    },
  }
}

/** An exactly-once sink, opened. */
export async function openEpochSink<T>(
  sink: RichSinkFunction<T>,
  options: ContextOptions = {},
): Promise<EpochSinkFunction<T>> {
  if (!(sink instanceof EpochSinkFunction)) throw new Error('expected an epoch sink')
  await opened(sink, options)
  return sink
}

/** An at-least-once sink, opened. */
export async function openUpsertSink<T>(
  sink: RichSinkFunction<T>,
  options: ContextOptions = {},
): Promise<UpsertSinkFunction<T>> {
  if (!(sink instanceof UpsertSinkFunction)) throw new Error('expected an upsert sink')
  await opened(sink, options)
  return sink
}

async function opened<T>(sink: RichSinkFunction<T>, options: ContextOptions): Promise<void> {
  try {
    await sink.open(realContext(options))
  } catch (error) {
    await sink.close()
    throw error
  }
}
