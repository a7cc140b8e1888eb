// Couchbase for the tests: gocaves, Couchbase's own mock of a cluster of two nodes.
import { acquire, type Control } from "./Process.js"

export interface Couchbase extends Control {
  /** Changes with each `start`: the mock chooses its ports itself, and starts empty. */
  readonly url: string
  readonly username: string
  readonly password: string
  readonly bucket: string
}

export const make = () =>
  acquire("couchbase", async (workspace): Promise<Couchbase> => {
    let url = ""
    const control = await workspace.run({
      name: "gocaves",
      program: "gocaves",
      args: ["--mock-only"],
      // It prints its address once, as JSON, when it is ready (and after that every byte of every packet).
      answers: async (output) => {
        url = /"connstr":"([^"]+)"/.exec(output)![1]!
      }
    })
    return {
      ...control,
      get url() {
        return url
      },
      username: "Administrator",
      password: "password",
      bucket: "default"
    }
  })
