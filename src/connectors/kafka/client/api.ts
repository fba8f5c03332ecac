import type { WireReader, WireWriter } from './wire.ts'

/** One request of Kafka's protocol and its answer, in the versions spoken here. */
export interface KafkaApi<Request, Response> {
  readonly key: number
  readonly name: string
  /** Versions spoken, both included. */
  readonly min: number
  readonly max: number
  /** The first flexible version (compact lengths, tagged fields); 99: none of those spoken. */
  readonly flexible: number
  encode(request: Request, version: number, out: WireWriter): void
  /** `throttle_time_ms` is to be read with `answer.throttle()`. */
  decode(answer: WireReader, version: number): Response
}

/** The API that tells which others a broker has. Its answers are never in the flexible form of headers. */
export const API_VERSIONS_KEY = 18
