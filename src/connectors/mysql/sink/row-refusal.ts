/** A row that does not fit, found by us: a value that no column holds, one that the server cut, a row too long for a packet. */
export class RowRefusal extends Error {}
