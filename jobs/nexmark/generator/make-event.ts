// Events from their number and what is drawn for them. The draws and their order are part of what an event is: see README.md.

import { type Channels, makeChannels } from './channels.ts'
import type { Draws } from './draws.ts'
import type { Auction, AuctionEvent, Bid, Person } from './events.ts'
import { AUCTIONS_PER_ROUND, EVENTS_PER_ROUND, FIRST_ID, lastAuction, lastPerson, timeOf } from './numbering.ts'
import { cardNumber, pick, word } from './strings.ts'

const FIRST_NAMES = ['Peter', 'Paul', 'Luke', 'John', 'Saul', 'Vicky', 'Kate', 'Julie', 'Sarah', 'Deiter', 'Walter']
const LAST_NAMES = ['Shultz', 'Abrams', 'Spencer', 'White', 'Bartels', 'Walton', 'Smith', 'Jones', 'Noris']
const CITIES = [
  'Phoenix',
  'Los Angeles',
  'San Francisco',
  'Boise',
  'Portland',
  'Bend',
  'Redmond',
  'Seattle',
  'Kent',
  'Cheyenne',
]
const STATES = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY']

const FIRST_CATEGORY = 10
const CATEGORIES = 5
/** Of so many in a row the first (of bidders the second) is the hot one. */
const HOT_EVERY = 100
/** So many latest persons act still; so many latest auctions are bid for still. */
const ACTIVE_PERSONS = 1000
const OPEN_AUCTIONS = 100
/** So many that do not exist yet are spoken of already. */
const AHEAD = 10
/** Within so many events a hundred auctions come: an auction lasts about as long. */
const EVENTS_PER_LIFE = Math.floor((OPEN_AUCTIONS * EVENTS_PER_ROUND) / AUCTIONS_PER_ROUND)

/** Makes a function that makes event n, the same whenever it is called. */
export function eventMaker(draws: Draws): (n: number) => AuctionEvent {
  // Made when the first event is: a job's graph is built also where nothing is read.
  let channels: Channels | undefined
  return (n) => {
    channels ??= makeChannels(draws)
    draws.seed(n)
    const place = n % EVENTS_PER_ROUND
    if (place === 0) return makePerson(n, draws)
    return place <= AUCTIONS_PER_ROUND ? makeAuction(n, draws) : makeBid(n, draws, channels)
  }
}

function makePerson(n: number, draws: Draws): Person {
  return {
    type: 'person',
    id: FIRST_ID + lastPerson(n),
    name: `${pick(draws, FIRST_NAMES)} ${pick(draws, LAST_NAMES)}`,
    emailAddress: `${word(draws, 7)}@${word(draws, 5)}.com`,
    creditCard: cardNumber(draws),
    city: pick(draws, CITIES),
    state: pick(draws, STATES),
    dateTime: timeOf(n),
    extra: '',
  }
}

function makeAuction(n: number, draws: Draws): Auction {
  const dateTime = timeOf(n)
  const seller = FIRST_ID + (draws.int(4) > 0 ? hot(lastPerson(n)) : anyPerson(n, draws))
  const category = FIRST_CATEGORY + draws.int(CATEGORIES)
  const initialBid = draws.price()
  const expires = dateTime + 1 + draws.int(Math.max(2 * (timeOf(n + EVENTS_PER_LIFE) - dateTime), 1))
  const itemName = word(draws, 20)
  const description = word(draws, 100)
  const reserve = initialBid + draws.price()
  const id = FIRST_ID + lastAuction(n)
  return {
    type: 'auction',
    id,
    itemName,
    description,
    initialBid,
    reserve,
    dateTime,
    expires,
    seller,
    category,
    extra: '',
  }
}

function makeBid(n: number, draws: Draws, channels: Channels): Bid {
  const auction = FIRST_ID + (draws.int(2) > 0 ? hot(lastAuction(n)) : anyAuction(n, draws))
  const bidder = FIRST_ID + (draws.int(4) > 0 ? hot(lastPerson(n)) + 1 : anyPerson(n, draws))
  const offered = draws.price()
  const { channel, url } = pick(draws, draws.int(2) > 0 ? channels.hot : channels.cold)
  return { type: 'bid', auction, bidder, price: offered, channel, url, dateTime: timeOf(n), extra: '', number: n }
}

function hot(last: number): number {
  return Math.floor(last / HOT_EVERY) * HOT_EVERY
}

function anyPerson(n: number, draws: Draws): number {
  const persons = lastPerson(n) + 1
  const active = Math.min(persons, ACTIVE_PERSONS)
  return persons - active + draws.int(active + AHEAD)
}

function anyAuction(n: number, draws: Draws): number {
  const last = lastAuction(n)
  const from = Math.max(last - OPEN_AUCTIONS, 0)
  return from + draws.int(last - from + 1 + AHEAD)
}
