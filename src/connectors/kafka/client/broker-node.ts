// BrokerNode: one broker of a cluster, and the connections to it.
//
// Owns: at most one connection for each kind of traffic, made when it is first needed and made anew once it is lost.
//
// I1. Fetches, which a broker holds back until there is something, never stand before other requests.

import type { BrokerAddress, ConnectionSettings } from '../connection.ts'
import type { KafkaApi } from './api.ts'
import { connectionFailure, type KafkaFailure } from './failure.ts'
import { KafkajsConnection, placeOf } from './kafkajs-connection.ts'

const FETCH_KEY = 1

/** A connection, or one that is being made. */
interface Lane {
  connection: KafkajsConnection | undefined
  opening: Promise<KafkajsConnection> | undefined
}

export class BrokerNode {
  readonly address: BrokerAddress
  readonly #settings: ConnectionSettings
  readonly #clientId: string
  readonly #control: Lane = { connection: undefined, opening: undefined }
  readonly #fetch: Lane = { connection: undefined, opening: undefined }
  #closed: KafkaFailure | undefined

  constructor(address: BrokerAddress, settings: ConnectionSettings, clientId: string) {
    this.address = address
    this.#settings = settings
    this.#clientId = clientId
  }

  /** Whether there is a connection at present. */
  get connected(): boolean {
    return ready(this.#control) !== undefined
  }

  /** Sends one request, on a connection that is made if need be. Throws KafkaFailure. */
  async send<Q, A>(api: KafkaApi<Q, A>, request: Q, timeoutMs?: number): Promise<A> {
    const lane = api.key === FETCH_KEY ? this.#fetch : this.#control
    // Without a turn of the event loop where there is a connection: requests go out in the order they are given in.
    const connection = ready(lane) ?? (await this.#open(lane))
    return connection.send(api, request, timeoutMs)
  }

  /** The connection for what is no fetch. Throws KafkaFailure. */
  async connect(): Promise<KafkajsConnection> {
    return ready(this.#control) ?? this.#open(this.#control)
  }

  /** Fails what is on its way; connections are made anew when they are needed. */
  disconnect(): void {
    const reason = connectionFailure(`Connection to ${placeOf(this.address)}`, 'it was put down')
    for (const lane of [this.#control, this.#fetch]) lane.connection?.close(reason)
  }

  /** Fails what is on its way, and what will be asked of it, for this reason. */
  close(reason: KafkaFailure): void {
    this.#closed = reason
    for (const lane of [this.#control, this.#fetch]) lane.connection?.close(reason)
  }

  #open(lane: Lane): Promise<KafkajsConnection> {
    lane.opening ??= this.#make(lane).finally(() => {
      lane.opening = undefined
    })
    return lane.opening
  }

  async #make(lane: Lane): Promise<KafkajsConnection> {
    if (this.#closed !== undefined) throw this.#closed
    const connection = new KafkajsConnection(this.address, this.#settings, this.#clientId)
    lane.connection = connection
    await connection.open()
    return connection
  }
}

/** The connection of a lane that requests can be sent on at once. */
function ready({ connection }: Lane): KafkajsConnection | undefined {
  return connection?.ready === true ? connection : undefined
}
