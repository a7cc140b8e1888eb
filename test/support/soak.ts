// How often a test tries what happens by chance: enough to find what is wrong often, or, with SOAK=1, what is wrong rarely.

export const soak = (usual: number, long: number): number => (process.env["SOAK"] === "1" ? long : usual)
