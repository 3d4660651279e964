/**
 * Why a program of Juanie cannot start, in words for the person who started it. The message is shown as it is,
 * without a stack, and the program ends with exit code 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError'
}
