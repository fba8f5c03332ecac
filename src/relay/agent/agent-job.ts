import { job } from '../../api/job.ts'
import type { Flow, Stream } from '../../api/streams.ts'
import { type RelaySinkOptions, type RelaySourceOptions, relaySink, relaySource } from '../../connectors/relay/index.ts'
import { MillraceError } from '../../errors.ts'
import type { Job } from '../../graph/job.ts'
import { handlers } from '../handlers/handlers.ts'
import type { HandlerSpec } from '../handlers/spec.ts'
import { type AgentConfig, atPlace, type Direction, readAgentConfig } from './agent-config.ts'
import type { AgentEnd } from './agent-end.ts'
import { loadEnd } from './load-end.ts'

/**
 * Names the agent's file to every thread that imports its job. No setting can: connectors are imported by what the file says, and importing
 * waits, which building a job must not.
 */
const CONFIG_VARIABLE = 'MILLRACE_RELAY_CONFIG'

/** The job of the file that MILLRACE_RELAY_CONFIG names. Throws CONFIG_INVALID. */
export async function agentJob(direction: Direction): Promise<Job> {
  const file = process.env[CONFIG_VARIABLE]
  if (file === undefined) {
    const reason = `it is not set: millrace relay ${direction} --config FILE sets it`
    throw new MillraceError('CONFIG_INVALID', { path: CONFIG_VARIABLE, origin: 'the environment', reason })
  }
  const config = readAgentConfig(direction, file)
  const end = await loadEnd(config.end)
  const build = direction === 'send' ? send : receive
  return job(config.name, (flow) => build(flow, config, end), {
    checkpoint: { intervalMs: config.checkpointIntervalMs },
    // With a limit, a line that is down for longer than the queue is long would end the agent: a full queue lets checkpoints time out.
    restart: { strategy: 'exponential-delay' },
  })
}

function send(flow: Flow, config: AgentConfig, end: AgentEnd<unknown>): void {
  const { endOptions, relayOptions } = config
  const { codec } = end
  const stream = atPlace(config, `from.${config.end}`, () => end.streamOf?.(endOptions))
  const carried = { ...(codec !== undefined && { codec }), ...(stream !== undefined && { stream }) }
  const options = { ...relayOptions, ...carried } as unknown as RelaySinkOptions<unknown>
  const line = atPlace(config, 'to.relay', () => relaySink(options))
  const read = atPlace(config, `from.${config.end}`, () => end.read(flow, endOptions, options.site))
  handled(read, config, end).to('relay', line)
}

function receive(flow: Flow, config: AgentConfig, end: AgentEnd<unknown>): void {
  const { endOptions, relayOptions } = config
  const carried = end.codec === undefined ? {} : { codec: end.codec }
  const options = { ...relayOptions, ...carried } as unknown as RelaySourceOptions<unknown>
  const line = atPlace(config, 'from.relay', () => relaySource(options))
  const come = flow.from('relay', line)
  const arrived = handled(end.arrive?.(come) ?? come, config, end)
  atPlace(config, `to.${config.end}`, () => end.write(arrived, endOptions, options.site))
}

/**
 * The stream behind the handlers of the file, in as many subtasks as what they read from: an edge from one to several would share out batches,
 * and their order with them.
 */
function handled(stream: Stream<unknown>, config: AgentConfig, end: AgentEnd<unknown>): Stream<unknown> {
  const of = atPlace(config, config.direction === 'send' ? `from.${config.end}` : `to.${config.end}`, () =>
    end.handledAs(config.endOptions),
  )
  if (config.handlers.length === 0) return stream
  const specs = config.handlers as unknown as readonly HandlerSpec[]
  const make = atPlace(config, '', () => handlers<unknown>(specs, { of }))
  const isOne = config.direction === 'receive' && end.arrive !== undefined
  return stream.process<unknown>('handlers', make, isOne ? { parallelism: 1 } : {})
}
