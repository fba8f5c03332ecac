import type { Key } from '../util/key-group.ts'
import { BROADCAST_MAPS, type BroadcastMap, declareBroadcast } from './broadcast-state.ts'
import {
  type Collector,
  type KeyedProcessContext,
  type OnTimerContext,
  type ProcessContext,
  RichFunction,
  StatefulFunction,
} from './process-function.ts'
import type { MapState } from './state.ts'

/**
 * One stream, and a small one that every subtask gets all of (rules, rates, flags): what that says is kept in broadcast state, which is
 * the same in all subtasks as long as processBroadcast depends on nothing else. The order between the two streams is not defined.
 */
export abstract class BroadcastProcessFunction<In, Broadcast, Out> extends RichFunction {
  /** Only in the types: see ProcessFunction. */
  declare protected readonly takes: (value: In, broadcast: Broadcast) => void
  readonly [BROADCAST_MAPS]: BroadcastMap[] = []

  /** Declares broadcast state, as a field. Only processBroadcast may change it. */
  protected broadcastState<K extends string | number, V>(name: string): MapState<K, V> {
    return declareBroadcast<K, V>(this, name)
  }

  abstract process(value: In, context: ProcessContext, out: Collector<Out>): void
  /** Called in every subtask for every record of the broadcast stream. */
  abstract processBroadcast(value: Broadcast, context: ProcessContext, out: Collector<Out>): void
  endOfInput(_out: Collector<Out>): void {}
}

/** The same for a keyed stream: process and onTimer have the state and timers of their key, processBroadcast has none. */
export abstract class KeyedBroadcastProcessFunction<K extends Key, In, Broadcast, Out> extends StatefulFunction {
  /** Only in the types: see ProcessFunction. */
  declare protected readonly takes: (value: In, broadcast: Broadcast, key: K) => void
  readonly [BROADCAST_MAPS]: BroadcastMap[] = []

  /** Declares broadcast state, as a field. Only processBroadcast may change it. */
  protected broadcastState<MapKey extends string | number, V>(name: string): MapState<MapKey, V> {
    return declareBroadcast<MapKey, V>(this, name)
  }

  abstract process(value: In, context: KeyedProcessContext<K>, out: Collector<Out>): void
  /** Called in every subtask for every record of the broadcast stream. */
  abstract processBroadcast(value: Broadcast, context: ProcessContext, out: Collector<Out>): void
  onTimer(_timestampMs: number, _context: OnTimerContext<K>, _out: Collector<Out>): void {}
  endOfInput(_out: Collector<Out>): void {}
}
