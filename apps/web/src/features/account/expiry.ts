/** Days until a token expires; never is a choice, and not the first one. */
export const expiries = ['7', '30', '90', '365', 'never'] as const
export type Expiry = (typeof expiries)[number]

export const daysOf = (expiry: Expiry): number | null => (expiry === 'never' ? null : Number(expiry))
