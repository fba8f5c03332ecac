/** What one end tells the other when it does not go on, and what that means for a sender. */
export const REFUSALS = {
  FENCED: { fatal: true, meaning: 'a newer sender, or a newer life of it, has this id' },
  IDENTITY: { fatal: true, meaning: 'this peer may not write as this sender' },
  CODEC: { fatal: true, meaning: 'the receiver cannot read the records of this stream' },
  PAST_END: { fatal: true, meaning: 'the receiver has batches that the sender does not know' },
  FORGOTTEN: { fatal: true, meaning: 'the receiver no longer has batches that it acknowledged' },
  VERSION: { fatal: false, meaning: 'the ends speak different versions of the wire' },
  LIMIT: { fatal: false, meaning: 'something is larger, or there are more, than agreed' },
  BUSY: { fatal: false, meaning: 'the receiver cannot take it now' },
  PROTOCOL: { fatal: false, meaning: 'bytes or messages that are not as agreed' },
} as const satisfies Record<string, { readonly fatal: boolean; readonly meaning: string }>

export type RefusalCode = keyof typeof REFUSALS

/** Whether what was refused will be refused again, whenever it is tried. Codes of later versions may heal. */
export function isFatal(code: string): boolean {
  return Object.hasOwn(REFUSALS, code) && REFUSALS[code as RefusalCode].fatal
}
