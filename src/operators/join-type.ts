/** Which records come out: of pairs only, or also those of the left, the right or both streams that have no partner. */
export type JoinType = 'inner' | 'left' | 'right' | 'full'

/** The left part of a joined row: undefined where a record of the right stream has no partner. */
export type LeftOf<Type extends JoinType, A> = Type extends 'right' | 'full' ? A | undefined : A
/** The right part of a joined row: undefined where a record of the left stream has no partner. */
export type RightOf<Type extends JoinType, B> = Type extends 'left' | 'full' ? B | undefined : B

/** Makes a row of two records; a missing one is undefined, which the language shows in the types of its callers only. */
export type JoinFunction = (left: unknown, right: unknown) => unknown

/** Do records of the left stream come out alone if they find no partner? */
export function keepsLeft(type: JoinType): boolean {
  return type === 'left' || type === 'full'
}

/** Do records of the right stream come out alone if they find no partner? */
export function keepsRight(type: JoinType): boolean {
  return type === 'right' || type === 'full'
}
