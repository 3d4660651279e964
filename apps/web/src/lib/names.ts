/** What turns the direction of text, marks and isolates included: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters. */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** A name that others wrote, so that within a line of text it turns the direction of nothing but itself. */
const isolated = (name: string): string => `\u2068${name.replace(directions, '')}\u2069`

/** `job › step`, of the names that there are. */
export const pathOf = (...names: (string | null | undefined)[]): string =>
  names
    .filter((name): name is string => !!name)
    .map(isolated)
    .join(' › ')
