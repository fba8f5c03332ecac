import type { ReportRequest } from '../../../contract/report.ts'
import { MillraceError } from '../../../errors.ts'
import { systemClock } from '../../../util/clock.ts'
import { closedFailure, KafkaFailure } from '../client/failure.ts'
import { KafkaClient } from '../client/kafka-client.ts'
import { type KafkaConnectionOptions, parseConnectionOptions } from '../connection.ts'

/** Somebody waits before the screen: less patience than a job has. */
const PATIENCE = { connectTimeoutMs: 5000, requestTimeoutMs: 10_000, retryMaxMs: 10_000 }

const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }
function ignore(): void {}

/** Does the work with a client of its own. Throws CONNECTOR_OPTION, and IO for what the brokers refuse or do not answer. */
export async function withClient<R>(
  { connection }: ReportRequest,
  name: string,
  work: (client: KafkaClient) => Promise<R>,
): Promise<R> {
  const options = { ...PATIENCE, ...connection } as unknown as KafkaConnectionOptions
  const settings = parseConnectionOptions(options, name)
  let client: KafkaClient | undefined
  try {
    client = await KafkaClient.open(settings, { clock: systemClock, logger: silent, name: 'report' })
    return await work(client)
  } catch (error) {
    if (!(error instanceof KafkaFailure)) throw error
    const path = settings.brokers.map(({ host, port }) => `${host}:${port}`).join(',')
    throw new MillraceError('IO', { action: 'ask the Kafka brokers', path, reason: error.message }, error)
  } finally {
    await client?.close()
  }
}

/** The answers of every node. */
export async function fromAllNodes<R>(
  client: KafkaClient,
  what: string,
  ask: (node: number) => Promise<R>,
): Promise<R[]> {
  return client.retry(what, async () => {
    if (client.nodes.length === 0) throw closedFailure(what)
    return Promise.all(client.nodes.map(ask))
  })
}

/** A flag that was given once, or what stands for it. */
export function flagOf({ flags }: ReportRequest, name: string, otherwise: string): string {
  return flags[name]?.at(-1) ?? otherwise
}
