// The number of tries of a test that depends on chance: enough to find frequent faults or, with SOAK=1, rare ones. What chance decides,
// the order of requests above all, is up to what both majors share: one of them makes most of the tries.
import { share } from "#test/soak"

const isLong = process.env["SOAK"] === "1"

/** How many tries a test makes, which may be as few as a third of the usual ones. */
export const soak = (usual: number, long: number): number => (isLong ? long : Math.ceil(usual * share))

/** How many milliseconds such a test may take. */
export const soakMillis = (usual: number, long: number): number => (isLong ? long : usual)
