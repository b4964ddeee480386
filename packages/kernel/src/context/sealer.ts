/** Encrypts small values at rest; `context` must be the same on both sides. */
export interface Sealer {
  seal(plain: string, context: string): string
  open(sealed: string, context: string): string
}
