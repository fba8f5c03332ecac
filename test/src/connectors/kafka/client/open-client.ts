import { onTestFinished } from 'vitest'
import { KafkaClient } from '../../../../../src/connectors/kafka/client/kafka-client.ts'
import { type KafkaConnectionOptions, parseConnectionOptions } from '../../../../../src/connectors/kafka/connection.ts'
import { systemClock } from '../../../../../src/util/clock.ts'

/** A client as the connector opens it, closed when the test ends; what it logs is added to `logged`. */
export async function openClient(
  options: KafkaConnectionOptions,
  logged: string[] = [],
  clock = systemClock,
): Promise<KafkaClient> {
  const log = (message: string): void => void logged.push(message)
  const logger = { debug: log, info: log, warn: log, error: log }
  const settings = parseConnectionOptions({ retryMaxMs: 30_000, ...options }, 'test')
  const client = await KafkaClient.open(settings, { clock, logger, name: 'test' })
  onTestFinished(() => client.close())
  return client
}
