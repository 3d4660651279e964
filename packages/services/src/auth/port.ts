/** Slow hashing of what people choose themselves. May be called concurrently; an implementation bounds its own load. */
export interface Passwords {
  /** argon2id in PHC form. */
  hash(password: string): Promise<string>
  /** False for a wrong password and for a hash that cannot be read. */
  matches(hash: string, password: string): Promise<boolean>
}

export interface AccessClaims {
  sessionId: string
  userId: string
}

/** Signed short-lived tokens that a browser carries. */
export interface AccessSigner {
  sign(claims: AccessClaims, seconds: number): Promise<string>
  /** Null for whatever was not signed with this key, is malformed, or is over. */
  open(token: string): Promise<AccessClaims | null>
}
