import type { Draws } from './draws.ts'
import { word } from './strings.ts'

/** Where a bid came from. */
export interface Channel {
  readonly channel: string
  readonly url: string
}

const COLD_CHANNELS = 10_000
const HOT_NAMES = ['Google', 'Facebook', 'Baidu', 'Apple']

/** Half of all bids come through the hot ones. */
export interface Channels {
  readonly hot: readonly Channel[]
  readonly cold: readonly Channel[]
}

/** All channels: the same from the same draws. */
export function makeChannels(draws: Draws): Channels {
  const page = (i: number): string => {
    draws.seed(i)
    return pageUrl(draws)
  }
  return {
    cold: Array.from({ length: COLD_CHANNELS }, (_, i) => ({
      channel: `channel-${i}`,
      url: i % 10 === 0 ? page(i) : `${page(i)}&channel_id=${Math.abs(reverseBits(i))}`,
    })),
    hot: HOT_NAMES.map((channel, i) => ({ channel, url: page(COLD_CHANNELS + i) })),
  }
}

function pageUrl(draws: Draws): string {
  const folder = (): string => word(draws, 5)
  return `https://www.nexmark.com/${folder()}/${folder()}/${folder()}/item.htm?query=1`
}

/** The 32 bits of a number back to front, as a signed number. */
function reverseBits(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit += 1) reversed = (reversed << 1) | ((value >>> bit) & 1)
  return reversed
}
