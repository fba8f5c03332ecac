import type { RichSinkFunction } from '../contract/sink-function.ts'
import { MillraceError } from '../errors.ts'
import type { Edge } from '../graph/logical-graph.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import type { NodeOptions } from './streams.ts'
import { typeNameOf } from './type-name.ts'
import type { Wiring } from './wiring.ts'

/**
 * Adds a sink node. One object is made now to learn its guarantee; it is never opened if a factory was given. Throws CONNECTOR_OPTION for
 * a parallelism that the sink cannot run at.
 */
export function addSink<T>(
  wiring: Wiring,
  name: string,
  sink: FunctionOrFactory<RichSinkFunction<T>>,
  input: Edge,
  options: NodeOptions | undefined,
): void {
  const sample = instanceOf(name, sink)
  const { parallelism } = sample
  if (parallelism !== undefined && (options?.parallelism ?? parallelism) !== parallelism) {
    throw new MillraceError('CONNECTOR_OPTION', {
      path: 'parallelism',
      connector: `node "${name}" (${typeNameOf(sample)})`,
      reason: `this sink runs at parallelism ${parallelism}, not ${options?.parallelism}: leave the option out`,
    })
  }
  wiring.add({
    kind: 'sink',
    name,
    type: typeNameOf(sample),
    parallelism: options?.parallelism ?? parallelism,
    inputs: [input],
    // The machine passes records as unknown; the stream's type has already been checked against the sink's.
    create: () => instanceOf(name, sink) as RichSinkFunction<unknown>,
    guarantee: sample.guarantee,
  })
}
