import type { Flow, Stream } from '../../api/streams.ts'
import type { RecordCodec } from '../../connectors/relay/index.ts'
import type { HandledAs } from '../handlers/spec.ts'
import type { EndOptions } from './agent-config.ts'

/** How an agent reads and writes one kind of system. T: what the relay carries between two ends of this kind. */
export interface AgentEnd<T> {
  /** What handlers take the values for. Throws CONNECTOR_OPTION. */
  handledAs(options: EndOptions): HandledAs
  /** Adds the source of a sending agent. Throws CONNECTOR_OPTION. */
  read(flow: Flow, options: EndOptions, site: string): Stream<T>
  /** What comes over the relay, before handlers, in one subtask. */
  arrive?(stream: Stream<T>): Stream<T>
  /** Ends the stream of a receiving agent. Throws CONNECTOR_OPTION. */
  write(stream: Stream<T>, options: EndOptions, site: string): void
  /** Default: any values, as msgpack. */
  readonly codec?: RecordCodec<T>
  /** Which stream of the relay a value goes in. Default: one for all. Throws CONNECTOR_OPTION. */
  streamOf?(options: EndOptions): (value: T) => string
}
