// BrokerNode: one broker of a cluster, and the connections to it.
//
// Owns: at most one connection for each kind of traffic, made when it is first needed and made anew once it is lost.
//
// I1. Fetches, which a broker holds back until there is something, never stand before other requests.

import type { BrokerAddress, ConnectionSettings } from '../connection.ts'
import type { KafkaApi } from './api.ts'
import { closedFailure } from './failure.ts'
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
  #closed = false

  constructor(address: BrokerAddress, settings: ConnectionSettings, clientId: string) {
    this.address = address
    this.#settings = settings
    this.#clientId = clientId
  }

  /** Whether there is a connection at present. */
  get connected(): boolean {
    return this.#control.connection?.alive === true
  }

  /** Sends one request, on a connection that is made if need be. Throws KafkaFailure. */
  async send<Q, A>(api: KafkaApi<Q, A>, request: Q, timeoutMs?: number): Promise<A> {
    const lane = api.key === FETCH_KEY ? this.#fetch : this.#control
    // Without a turn of the event loop where there is a connection: requests go out in the order they are given in.
    const open = lane.connection
    const connection = open?.alive === true ? open : await this.#open(lane)
    return connection.send(api, request, timeoutMs)
  }

  /** The connection for what is no fetch. Throws KafkaFailure. */
  async connect(): Promise<KafkajsConnection> {
    const open = this.#control.connection
    return open?.alive === true ? open : this.#open(this.#control)
  }

  /** Fails what is on its way. */
  close(): void {
    this.#closed = true
    this.#control.connection?.close()
    this.#fetch.connection?.close()
  }

  #open(lane: Lane): Promise<KafkajsConnection> {
    lane.opening ??= this.#make(lane).finally(() => {
      lane.opening = undefined
    })
    return lane.opening
  }

  async #make(lane: Lane): Promise<KafkajsConnection> {
    const what = `Connection to ${placeOf(this.address)}`
    if (this.#closed) throw closedFailure(what)
    const connection = await KafkajsConnection.open(this.address, this.#settings, this.#clientId)
    if (this.#closed) {
      connection.close()
      throw closedFailure(what)
    }
    lane.connection = connection
    return connection
  }
}
