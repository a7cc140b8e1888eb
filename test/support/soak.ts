// The number of tries of a test that depends on chance: enough to find frequent faults or, with SOAK=1, rare ones.

export const soak = (usual: number, long: number): number => (process.env["SOAK"] === "1" ? long : usual)
