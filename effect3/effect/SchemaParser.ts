export {
  decodeUnknown as decodeUnknownEffect,
  decodeUnknownEither as decodeUnknownResult,
  encodeEither as encodeResult,
  is
} from "effect/ParseResult"
