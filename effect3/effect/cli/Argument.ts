import * as Args from "@effect/cli/Args"

export * from "@effect/cli/Args"

export const Literals = <const A extends ReadonlyArray<string>>(name: string, literals: A): Args.Args<A[number]> =>
  Args.choice(
    literals.map((literal) => [literal, literal]),
    { name }
  )

export const String = (name: string): Args.Args<string> => Args.text({ name })
