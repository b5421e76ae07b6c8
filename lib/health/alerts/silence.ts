/** That somebody has been told of an address. */
export interface Told {
  /** That it is down; else that it is well again. */
  readonly isDown: boolean
  /** When it was last told to be down, in milliseconds. */
  readonly at: number
}

export type Step =
  | { readonly kind: 'none' }
  /** Nothing before the silent time is over. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'forget' }
  /** `told`: what is so once it has been told. */
  | { readonly kind: 'tell'; readonly told: Told; readonly isRepeated: boolean }

/**
 * What is to be done about an address, by what it is and what has been told of it. As ContainerDNS has it, nobody is told twice of an address within the
 * silent time; one that is still down when it is over is told of again. That one is well is told once, of those that were told to be down.
 */
export function nextStep(isDown: boolean, told: Told | undefined, nowMs: number, silentMs: number): Step {
  // One who has told may have had another clock.
  const isSilent = told !== undefined && nowMs - Math.min(told.at, nowMs) < silentMs
  if (isDown) {
    if (isSilent) return { kind: 'wait' }
    return { kind: 'tell', told: { isDown: true, at: nowMs }, isRepeated: told?.isDown === true }
  }
  if (told === undefined) return { kind: 'none' }
  if (told.isDown) return { kind: 'tell', told: { isDown: false, at: told.at }, isRepeated: false }
  return isSilent ? { kind: 'wait' } : { kind: 'forget' }
}

/** How often it is looked whether the silent time of addresses is over. */
export function sweepMs(silentMs: number): number {
  return Math.min(10_000, Math.max(100, silentMs / 4))
}
