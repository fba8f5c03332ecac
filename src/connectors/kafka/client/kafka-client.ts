// KafkaClient: a cluster as one connection of the job sees it.
//
// Owns: the nodes known and their connections; what is known of leaders and coordinators, until it is found stale.
// Does not own: what is asked of the cluster, and what an error code in an answer means to who asked.
//
// I1. send() sends once. Only retry() sends again, and only what failed for a passing reason.
// I2. A node whose connection is lost is the leader and coordinator of nothing until metadata has said so again.
// I3. After close() everything under way has failed, and nothing waits.

import type { Logger } from '../../../contract/runtime-context.ts'
import type { Clock } from '../../../util/clock.ts'
import { deferred } from '../../../util/deferred.ts'
import { Backoff } from '../../sql/backoff.ts'
import type { BrokerAddress, ConnectionSettings } from '../connection.ts'
import type { KafkaApi } from './api.ts'
import type { VersionRange } from './apis/api-versions.ts'
import { type CoordinatorKind, findCoordinator } from './apis/find-coordinator.ts'
import { type MetadataAnswer, metadata, type TopicMetadata } from './apis/metadata.ts'
import { BrokerNode } from './broker-node.ts'
import { closedFailure, connectionFailure, failureOf, KafkaFailure, throwIfFailed } from './failure.ts'
import { placeOf } from './kafkajs-connection.ts'

const UNKNOWN_TOPIC_OR_PARTITION = 3
const LEADER_NOT_AVAILABLE = 5
const BROKER_NOT_AVAILABLE = 8

/** How long a topic that is not there is waited for: brokers hear of a new one a moment later. */
const UNKNOWN_TOPIC_GRACE_MS = 10_000
/** Shorter waits are the normal course of things, and not worth a warning. */
const SILENT_RETRY_MS = 1000

/** How messages of error codes name who asks. */
const PRINCIPAL = 'the principal'

export interface TopicInfo {
  readonly name: string
  readonly partitions: number
  readonly internal: boolean
}

export interface KafkaClientOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Of whom asks, for logs and the client id. */
  readonly name: string
  /** For the order of brokers and the spread of waits. */
  readonly random?: () => number
}

export class KafkaClient {
  readonly #settings: ConnectionSettings
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #clientId: string
  readonly #random: () => number
  readonly #backoff: Backoff
  readonly #seeds: readonly BrokerNode[]
  readonly #nodes = new Map<number, BrokerNode>()
  readonly #leaders = new Map<string, number[]>()
  readonly #coordinators = new Map<string, number>()
  /** Topics to be asked for in the next request of metadata, and that request. */
  readonly #wanted = new Set<string>()
  #refreshing: Promise<ReadonlyMap<string, number>> | undefined
  #controller = -1
  #closed = false
  readonly #closing = deferred()

  private constructor(settings: ConnectionSettings, { clock, logger, name, random = Math.random }: KafkaClientOptions) {
    this.#settings = settings
    this.#clock = clock
    this.#logger = logger
    this.#clientId = settings.clientId ?? `millrace-${name}`
    this.#random = random
    this.#backoff = new Backoff(clock, this.#random, settings.retryMaxMs)
    this.#seeds = settings.brokers.map((address) => this.#nodeAt(address))
  }

  /** A client that has met its cluster. Throws KafkaFailure once no broker answered for retryMaxMs. */
  static async open(settings: ConnectionSettings, options: KafkaClientOptions): Promise<KafkaClient> {
    const client = new KafkaClient(settings, options)
    try {
      await client.retry('Connecting to the cluster', () => client.#load([]))
    } catch (error) {
      await client.close()
      throw error
    }
    return client
  }

  /** All topics, or these; topics that do not exist are absent. Asks the cluster. Throws KafkaFailure. */
  async topics(names?: readonly string[]): Promise<ReadonlyMap<string, TopicInfo>> {
    const found = await this.topicMetadata(names)
    return new Map(
      found.map(({ name, partitions, internal }) => [name, { name, partitions: partitions.length, internal }]),
    )
  }

  /** Like topics(), with all that metadata tells. */
  async topicMetadata(names?: readonly string[], operations = false): Promise<readonly TopicMetadata[]> {
    const { topics } = await this.retry('Metadata', () => this.#load(names ?? null, operations))
    for (const { error, name } of topics)
      if (error !== 0 && error !== UNKNOWN_TOPIC_OR_PARTITION && error !== LEADER_NOT_AVAILABLE)
        throw this.#named(failureOf(error, `Topic "${name}"`))
    return topics.filter(({ error }) => error !== UNKNOWN_TOPIC_OR_PARTITION)
  }

  /** The node that leads a partition. Throws KafkaFailure, also where there is no such topic, partition or leader. */
  async leader(topic: string, partition: number): Promise<number> {
    const known = this.#leaders.get(topic)?.[partition]
    if (known !== undefined && known >= 0) return known
    const error = (await this.#refresh(topic)).get(topic) ?? UNKNOWN_TOPIC_OR_PARTITION
    if (error !== LEADER_NOT_AVAILABLE) throwIfFailed(error, `Topic "${topic}"`)
    const leader = this.#leaders.get(topic)?.[partition]
    if (leader === undefined) throw failureOf(UNKNOWN_TOPIC_OR_PARTITION, `Partition ${partition} of topic "${topic}"`)
    if (leader < 0) throw failureOf(LEADER_NOT_AVAILABLE, `Partition ${partition} of topic "${topic}"`)
    return leader
  }

  /** Forgets the leaders of a topic. */
  stale(topic: string): void {
    this.#leaders.delete(topic)
  }

  /** The node that looks after a group or a transactional id. Throws KafkaFailure. */
  async coordinator(kind: CoordinatorKind, id: string): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${id}`)
    if (known !== undefined) return known
    const found = await this.#ask(findCoordinator, { kind, id })
    throwIfFailed(found.error, `Coordinator of the ${kind} "${id}"`, found.message)
    this.#meet(found.node, found)
    this.#coordinators.set(`${kind} ${id}`, found.node)
    return found.node
  }

  /** Forgets a coordinator. */
  staleCoordinator(kind: CoordinatorKind, id: string): void {
    this.#coordinators.delete(`${kind} ${id}`)
  }

  /** The controller, as of the last metadata; any node where none is known. */
  async controller(): Promise<number> {
    return this.#nodes.has(this.#controller) ? this.#controller : this.anyNode()
  }

  /** A node that can be reached. Throws KafkaFailure if none can. */
  async anyNode(): Promise<number> {
    await this.#ask(metadata, { topics: [] }).then((answer) => this.#learn(answer))
    const ids = [...this.#nodes.keys()]
    const connected = ids.filter((id) => this.#nodes.get(id)?.connected)
    const [first] = this.#shuffled(connected.length > 0 ? connected : ids)
    return first ?? -1
  }

  /** The nodes of the last metadata. */
  get nodes(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  /** The features of a node's software, with the levels it has; connects if need be. Throws KafkaFailure. */
  async features(node: number): Promise<ReadonlyMap<string, VersionRange>> {
    return (await this.#node(node).connect()).features
  }

  /**
   * One request to one node, at the highest version both know; no retry. Waits for requestTimeoutMs, or `timeoutMs` if that is longer.
   * Throws KafkaFailure. Fetches have a connection of their own; on one that stands, requests go out in the order of the calls.
   */
  async send<Q, A>(node: number, api: KafkaApi<Q, A>, request: Q, timeoutMs?: number): Promise<A> {
    try {
      return await this.#node(node).send(api, request, timeoutMs)
    } catch (error) {
      if (isLoss(error)) this.#forget(node)
      throw error
    }
  }

  /** Runs `work` again while it throws a retriable KafkaFailure, with growing waits, until retryMaxMs. */
  async retry<R>(what: string, work: () => Promise<R>): Promise<R> {
    const goOn = this.#backoff.start()
    const began = this.#clock.monotonic()
    for (let warned = false, tries = 1; ; tries += 1) {
      if (this.#closed) throw closedFailure(what)
      try {
        const result = await work()
        if (warned) this.#logger.info(`${what}: done, at the ${tries}. attempt`)
        return result
      } catch (error) {
        if (!(error instanceof KafkaFailure)) throw error
        if (!error.retriable) throw this.#named(error)
        const passedMs = this.#clock.monotonic() - began
        if (isUnknownTopic(error) && passedMs > UNKNOWN_TOPIC_GRACE_MS) throw error
        if (!warned && passedMs > SILENT_RETRY_MS) {
          this.#logger.warn(`${what}: trying again for up to ${this.#settings.retryMaxMs} ms: ${error.message}`)
          warned = true
        }
        const going = await Promise.race([goOn(), this.#closing.promise])
        if (going === false) throw gaveUp(error, tries, this.#clock.monotonic() - began)
      }
    }
  }

  /** Fails everything under way with kind CLOSED. */
  async close(): Promise<void> {
    this.#closed = true
    this.#closing.resolve()
    for (const node of [...this.#seeds, ...this.#nodes.values()]) node.close(closedFailure(this.#clientId))
  }

  /** With the principal by name, where a failure speaks of it. */
  #named(failure: KafkaFailure): KafkaFailure {
    const { code, kind, retriable, message } = failure
    if (!message.includes(PRINCIPAL)) return failure
    return new KafkaFailure(code, kind, retriable, message.replace(PRINCIPAL, principalOf(this.#settings)), failure)
  }

  /** Asks a node that answers, of those known, then of those given. */
  async #ask<Q, A>(api: KafkaApi<Q, A>, request: Q): Promise<A> {
    const known = this.#shuffled([...this.#nodes.values()])
    const first = known.filter((node) => node.connected)
    const candidates = [...first, ...known.filter((node) => !node.connected), ...this.#shuffled(this.#seeds)]
    let last: unknown
    for (const node of candidates) {
      if (this.#closed) throw closedFailure(api.name)
      try {
        return await node.send(api, request)
      } catch (error) {
        if (!isLoss(error)) throw error
        last = error
      }
    }
    throw last
  }

  async #load(topics: readonly string[] | null, operations = false): Promise<MetadataAnswer> {
    const answer = await this.#ask(metadata, { topics, operations })
    this.#learn(answer)
    return answer
  }

  #learn({ brokers, controller, topics }: MetadataAnswer): void {
    for (const { id, host, port } of brokers) this.#meet(id, { host, port })
    const ids = new Set(brokers.map(({ id }) => id))
    for (const [id, node] of this.#nodes) {
      if (ids.has(id)) continue
      node.close(connectionFailure(`Node ${id}`, 'it has left the cluster'))
      this.#nodes.delete(id)
    }
    this.#controller = controller
    if (this.#nodes.size > 0) for (const seed of this.#seeds) seed.disconnect()
    for (const { error, name, partitions } of topics) {
      if (error !== 0) this.#leaders.delete(name)
      else this.#leaders.set(name, leadersOf(partitions))
    }
  }

  /** A node may have moved to another address since. */
  #meet(id: number, { host, port }: BrokerAddress): void {
    const known = this.#nodes.get(id)
    if (known?.address.host === host && known.address.port === port) return
    known?.close(connectionFailure(`Node ${id}`, `it has moved to ${placeOf({ host, port })}`))
    this.#nodes.set(id, this.#nodeAt({ host, port }))
  }

  /** Asks for the leaders of a topic; all topics wanted in the same moment go into one request. The error of each. */
  #refresh(topic: string): Promise<ReadonlyMap<string, number>> {
    this.#wanted.add(topic)
    this.#refreshing ??= Promise.resolve().then(async () => {
      const names = [...this.#wanted]
      this.#wanted.clear()
      this.#refreshing = undefined
      const { topics } = await this.#load(names)
      return new Map(topics.map(({ name, error }) => [name, error]))
    })
    return this.#refreshing
  }

  #forget(node: number): void {
    for (const [topic, leaders] of this.#leaders) if (leaders.includes(node)) this.#leaders.delete(topic)
    for (const [key, id] of this.#coordinators) if (id === node) this.#coordinators.delete(key)
  }

  #node(id: number): BrokerNode {
    const node = this.#nodes.get(id)
    if (this.#closed) throw closedFailure(`Node ${id}`)
    if (node === undefined) {
      this.#forget(id)
      throw failureOf(BROKER_NOT_AVAILABLE, `Node ${id}`)
    }
    return node
  }

  #nodeAt(address: BrokerAddress): BrokerNode {
    return new BrokerNode(address, this.#settings, this.#clientId)
  }

  #shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list]
    const order: T[] = []
    while (rest.length > 0) order.push(...rest.splice(Math.floor(this.#random() * rest.length), 1))
    return order
  }
}

/** Leaders by partition, -1 where there is none. */
function leadersOf(partitions: TopicMetadata['partitions']): number[] {
  const leaders: number[] = []
  for (const { partition, leader } of partitions) leaders[partition] = leader
  return leaders
}

/** No answer came: whether the request was done is not known. */
function isLoss(error: unknown): error is KafkaFailure {
  return error instanceof KafkaFailure && (error.kind === 'CONNECTION' || error.kind === 'TIMEOUT')
}

function isUnknownTopic({ kind }: KafkaFailure): boolean {
  return kind === 'UNKNOWN_TOPIC_OR_PARTITION' || kind === 'UNKNOWN_TOPIC_ID'
}

function gaveUp(error: KafkaFailure, tries: number, passedMs: number): KafkaFailure {
  const message = `${error.message} (given up after ${tries} attempts in ${Math.round(passedMs)} ms)`
  return new KafkaFailure(error.code, error.kind, error.retriable, message, error)
}

function principalOf({ sasl, tls }: ConnectionSettings): string {
  if (sasl?.mechanism === 'oauthbearer') return 'the principal of the token'
  if (sasl !== undefined) return `the principal User:${sasl.username}`
  return tls?.cert === undefined ? 'the principal User:ANONYMOUS' : 'the principal of the client certificate'
}
