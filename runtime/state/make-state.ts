import type { AggregateFunction, AnyState, StateDescriptor, ValueState } from '../../src/contract/state.ts'
import { present } from '../../src/util/assert.ts'
import type { EntryCache } from './entry-cache.ts'
import { AggregatingCell, ReducingCell } from './folding-states.ts'
import { ExpiringListCell, ListCell } from './list-cell.ts'
import { ExpiringMapCell, MapCell } from './map-cell.ts'
import type { RegisteredState } from './registered-state.ts'
import { ExpiringValueCell, ValueCell } from './value-cell.ts'

/** The object through which user code reaches a registered state of the current key. */
export function makeState(state: RegisteredState, descriptor: StateDescriptor, cache: EntryCache): AnyState {
  const { index, ttl } = state
  switch (state.kind) {
    case 'value':
      return valueCell(state, cache)
    case 'list':
      return ttl === undefined ? new ListCell(cache, index) : new ExpiringListCell(cache, index, ttl)
    case 'map':
      return ttl === undefined ? new MapCell(cache, index) : new ExpiringMapCell(cache, index, ttl)
    case 'reducing':
      return new ReducingCell(valueCell(state, cache), present(descriptor.reduce, `reduce of state ${state.name}`))
    case 'aggregating': {
      const aggregate = present(descriptor.aggregate, `aggregate of state ${state.name}`)
      return new AggregatingCell(valueCell(state, cache), aggregate as AggregateFunction<unknown, unknown, unknown>)
    }
  }
}

function valueCell({ index, ttl }: RegisteredState, cache: EntryCache): ValueState<unknown> {
  return ttl === undefined ? new ValueCell(cache, index) : new ExpiringValueCell(cache, index, ttl)
}
