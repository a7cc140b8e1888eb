// What it costs to read a session of 10 fields that beego wrote, beside JSON.parse of the same data. See ../README.md.
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Gob } from "../../dist/src/beego.js"
import { median, progress, report } from "../lib/report.mjs"

const rounds = 15
const callsARound = 20_000

const Common = {
  userId: Schema.String,
  visits: Schema.Int,
  admin: Schema.Boolean,
  theme: Schema.String,
  locale: Schema.String,
  csrf: Schema.String,
  lastSeen: Schema.Int
}

const Item = Schema.Struct({ sku: Schema.String, n: Schema.Int })

const textFields = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`field${i}`, Schema.String]))

/** Ten texts, written here: of plain values alone Go makes the same bytes. */
const texts = (text) => {
  const value = Either.getOrThrow(Gob.field(Schema.String).encode(text))
  const stored = new Map(Object.keys(textFields).map((key) => [key, value]))
  return Buffer.from(Either.getOrThrow(Gob.encode({ fields: stored, others: [] }))).toString("hex")
}

/** The first two as beego's EncodeGob wrote them; the last two are where JSON.parse is at its best. */
const sessions = [
  {
    name: "plain values and a list",
    fields: { ...Common, score: Schema.Number, name: Schema.String, cart: Schema.Array(Schema.Int) },
    hex:
      "0d7f040102ff8000011001100000fe017dff80000a06737472696e670c08000676697369747303696e74040400fe09a406737472696e67" +
      "0c07000561646d696e04626f6f6c0202000006737472696e670c0700057468656d6506737472696e670c0600046461726b06737472696e" +
      "670c07000573636f726507666c6f61743634080500fd80294006737472696e670c08000675736572496406737472696e670c2600243962" +
      "3265366131632d376631642d346235392d396135352d30633666376330613364313106737472696e670c0800066c6f63616c6506737472" +
      "696e670c070005656e2d474206737472696e670c0600046373726606737472696e670c1d001b6447687063794270637942756233516759" +
      "53427a5a574e795a585106737472696e670c0a00086c6173745365656e03696e74040800fa0336edb5500006737472696e670c0600046e" +
      "616d6506737472696e670c0e000c5a6fc3ab204578616d706c6506737472696e670c060004636172740e5b5d696e74657266616365207b" +
      "7dff81020102ff8200011000001dff821a000303696e740402000203696e740402000403696e7404020006"
  },
  {
    name: "with maps inside",
    fields: {
      ...Common,
      profile: Schema.Struct({ name: Schema.String, email: Schema.String, age: Schema.Int }),
      flash: Schema.Struct({ info: Schema.String, count: Schema.Int }),
      cart: Schema.Array(Item)
    },
    hex:
      "0d7f040102ff80000110011000005dff80000a06737472696e670c0800066c6f63616c6506737472696e670c070005656e2d4742067374" +
      "72696e670c09000770726f66696c65176d61705b737472696e675d696e74657266616365207b7dff83040102ff8400010c0110000077ff" +
      "844a000305656d61696c06737472696e670c11000f7a6f65406578616d706c652e636f6d0361676503696e7404020042046e616d650673" +
      "7472696e670c0e000c5a6fc3ab204578616d706c6506737472696e670c060004636172740e5b5d696e74657266616365207b7dff810201" +
      "02ff820001100000fe01b0ff82740002176d61705b737472696e675d696e74657266616365207b7dff841e000203736b7506737472696e" +
      "670c050003412d31016e03696e7404020004176d61705b737472696e675d696e74657266616365207b7dff841e0002016e03696e740402" +
      "000203736b7506737472696e670c050003422d3206737472696e670c08000675736572496406737472696e670c26002439623265366131" +
      "632d376631642d346235392d396135352d30633666376330613364313106737472696e670c07000561646d696e04626f6f6c0202000006" +
      "737472696e670c0700057468656d6506737472696e670c0600046461726b06737472696e670c0600046373726606737472696e670c1d00" +
      "1b644768706379427063794275623351675953427a5a574e795a585106737472696e670c0a00086c6173745365656e03696e74040800fa" +
      "0336edb5500006737472696e670c070005666c617368176d61705b737472696e675d696e74657266616365207b7dff8425000204696e66" +
      "6f06737472696e670c070005736176656405636f756e7403696e740402000406737472696e670c08000676697369747303696e74040400" +
      "fe09a4"
  },
  { name: "text alone", fields: textFields, hex: texts("some text of a field") },
  { name: "text alone, none of it ASCII", fields: textFields, hex: texts("Zoë, some text") }
]

const micros = (f) => {
  const before = process.hrtime.bigint()
  for (let i = 0; i < callsARound; i++) f()
  return Number(process.hrtime.bigint() - before) / 1000 / callsARound
}

/** Medians in microseconds of functions that take turns, so that a slow moment of the machine hits all of them. */
const compare = (functions) => {
  const times = Object.fromEntries(Object.keys(functions).map((name) => [name, []]))
  for (let round = -2; round < rounds; round++) {
    for (const [name, f] of Object.entries(functions)) {
      const time = micros(f)
      if (round >= 0) times[name].push(time)
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]))
}

const results = sessions.map(({ fields, hex, name }) => {
  progress(name)
  const gob = new Uint8Array(Buffer.from(hex, "hex"))
  const stored = Either.getOrThrow(Gob.decode(gob)).fields
  const gobFields = Object.entries(fields).map(([key, schema]) => [key, Gob.field(schema)])
  const jsonFields = Object.entries(fields).map(([key, schema]) => [key, ParseResult.decodeUnknownEither(schema)])
  const values = Object.fromEntries(
    gobFields.map(([key, field]) => [key, Either.getOrThrow(field.decode(stored.get(key)))])
  )
  if (gobFields.length !== 10 || stored.size !== 10) throw new Error("the sessions have 10 fields")
  const json = JSON.stringify(values)
  const times = compare({
    gob: () => Gob.decode(gob),
    json: () => JSON.parse(json),
    gobFields: () => {
      const { fields } = Gob.decode(gob).right
      for (const [key, field] of gobFields) field.decode(fields.get(key))
    },
    jsonFields: () => {
      const fields = JSON.parse(json)
      for (const [key, decode] of jsonFields) decode(fields[key])
    }
  })
  return {
    name,
    gobBytes: gob.length,
    jsonBytes: json.length,
    ...times,
    ratio: times.gob / times.json,
    ratioFields: times.gobFields / times.jsonFields
  }
})

report({
  name: "gob",
  title: "Reading beego's sessions",
  command: "npm run bench -- gob",
  about: [
    "A session of 10 fields as beego's EncodeGob writes it, and the same values as JSON text. Microseconds a session, medians.",
    "decode: the bytes to values that lose nothing of what Go wrote, all of them. JSON.parse: the text to values.",
    "typed: the same, and then each of the 10 fields by its Schema."
  ],
  tables: [
    {
      head: [
        "session",
        "gob, bytes",
        "JSON, bytes",
        "Gob.decode",
        "JSON.parse",
        "ratio",
        "gob, typed",
        "JSON, typed",
        "ratio"
      ],
      rows: results.map((r) => [
        r.name,
        r.gobBytes,
        r.jsonBytes,
        ...[r.gob, r.json, r.ratio, r.gobFields, r.jsonFields, r.ratioFields].map((n) => n.toFixed(2))
      ])
    }
  ],
  figures: results
})
