// A result: printed as a table, and written for the docs as Markdown and as JSON, with the command and the machine.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("../results/", import.meta.url))

const versionOf = (name) => {
  const near = ["../node_modules/", "../../node_modules/"].map(
    (at) => new URL(`${at}${name}/package.json`, import.meta.url)
  )
  for (const url of near) {
    try {
      return `${name} ${JSON.parse(readFileSync(url, "utf8")).version}`
    } catch {}
  }
  return name
}

const toMarkdown = ({ head, rows }) => {
  const cells = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)))
  // The first columns are names, the rest figures.
  const figure = (rows[0] ?? []).findIndex((cell) => typeof cell === "number" || /^[\d<-]/.test(cell))
  const names = figure === -1 ? head.length : figure
  const line = (row) =>
    `| ${row.map((cell, i) => (i < names ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(" | ")} |`
  const rule = `| ${widths.map((width, i) => (i < names ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join("\n")
}

/**
 * Prints and writes a result. `about` says what was measured and what the columns are, one line each; `figures` is what a
 * program would want to read, in the JSON file.
 */
export const report = ({ name, title, command, versions = [], about, tables, figures }) => {
  const cores = cpus()
  const machine = `${cores.length} × ${cores[0]?.model.trim()}, ${process.platform}, Node ${process.version}`
  const with_ = ["effect", "@effect/platform", "@effect/platform-node", ...versions].map(versionOf).join(", ")
  const load = loadavg()[0].toFixed(1)
  const measured = `\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${machine}, load average ${load} at the end; ${with_}.`
  const body = [`# ${title}`, measured, about.map((line) => `- ${line}`).join("\n"), ...tables.map(toMarkdown)].join(
    "\n\n"
  )
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${name}.md`, `${body}\n`)
  writeFileSync(
    `${folder}${name}.json`,
    `${JSON.stringify({ title, command, machine, load, versions: with_, figures }, null, 2)}\n`
  )
  console.log(`\n${body}\n\nWritten to bench/results/${name}.md and .json\n`)
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Shows where a long run is. */
export const progress = (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
