// SQL modes of a sink's sessions.

const BASE = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION'

/** Nothing is cut, every date there is can be written, 0 is a number. */
export const STRICT_MODE = `STRICT_ALL_TABLES,${BASE}`

/** The same, but what does not fit is cut with a warning: the only way to write an enum's error value. */
export const LENIENT_MODE = BASE

/** For statements that SHOW CREATE TABLE gave, which escape with backslashes. */
export const DEFINITION_MODE = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'

/** For changes of columns that hold values: what does not fit is an error. */
export const CHANGE_MODE = `STRICT_ALL_TABLES,${DEFINITION_MODE}`
