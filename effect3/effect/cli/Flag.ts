export * from "@effect/cli/Options"
export {
  boolean as Boolean,
  choice as Literals,
  file as File,
  text as String,
  withPseudoName as withMetavar
} from "@effect/cli/Options"
