// How TypeDoc makes the reference: a page for each module that apps import, out of the comments of Effect 4's form of src.
import { Comment, Converter, ReflectionKind } from "typedoc"

/**
 * Takes the comment at the head of a file for its module's, which TypeDoc does only where it has a `@module`.
 *
 * @param {import("typedoc").Application} app
 */
const headComments = (app) =>
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.comment !== undefined || !reflection.kindOf([ReflectionKind.Module, ReflectionKind.Namespace]))
      return
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile()
    const [, head] = file?.text.match(/^\/\*\*\n([\s\S]*?)\n \* @since/) ?? []
    if (head === undefined) return
    reflection.comment = new Comment([{ kind: "text", text: head.replace(/^ \* ?/gm, "").trim() }])
  })

/** @param {{ readonly name: string, readonly kind: string }} page */
const title = ({ name, kind }) =>
  kind !== "Module" ? name : name === "index" ? "effect-session" : `effect-session/${name}`

export default {
  plugin: ["typedoc-plugin-markdown", headComments],
  tsconfig: "tsconfig.json",
  // As `exports` of package.json has them.
  entryPoints: ["../src/[a-z]*.ts"],
  out: "reference",
  router: "module",
  readme: "none",
  logLevel: "Error",
  skipErrorChecking: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  disableSources: true,
  categorizeByGroup: false,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  pageTitleTemplates: { index: "Reference", module: title },
  useCodeBlocks: true,
  expandParameters: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  typeDeclarationFormat: "table",
  propertyMembersFormat: "table"
}
