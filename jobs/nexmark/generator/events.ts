/** Somebody who sells or bids. Times are ms since 1970, amounts are cents: whole numbers, exact as JavaScript's are up to 2^53. */
export interface Person {
  readonly type: 'person'
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  readonly extra: string
}

/** Something on sale until `expires`, by a person who may not have shown up yet. */
export interface Auction {
  readonly type: 'auction'
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}

/** An offer for an auction, which may not have been seen yet. */
export interface Bid {
  readonly type: 'bid'
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
  /** Which event it is. Bids of one millisecond are in this order, which parallel sources do not keep; no part of a result. */
  readonly number: number
}

export type AuctionEvent = Person | Auction | Bid

export const isPerson = (event: AuctionEvent): event is Person => event.type === 'person'
export const isAuction = (event: AuctionEvent): event is Auction => event.type === 'auction'
export const isBid = (event: AuctionEvent): event is Bid => event.type === 'bid'
