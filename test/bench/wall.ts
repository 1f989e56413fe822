/** Milliseconds with fractions, of a clock that all processes of this machine share: for times between two of them. */
export const wallMs = (): number => performance.timeOrigin + performance.now();
