package main

import (
	"encoding/gob"
	"math"
	"math/big"
	"math/rand"
	"net/netip"
	"time"
)

type Address struct {
	City string
	Zip  uint32
}

type Profile struct {
	Name   string
	Age    int
	Admin  bool
	Score  float64
	Tags   []string
	Nested Address
}

// Everything has fields of every kind; most of them are often zero, and so not on the wire.
type Everything struct {
	I8    int8
	I64   int64
	U16   uint16
	F32   float32
	C     complex128
	B     []byte
	Any   any
	When  time.Time
	Addrs []Address
	ByKey map[string]Address
	Codes [3]int16
	Inner *Everything
	Stat  Status
}

type Status int8

type Label string

func init() {
	// What an app registers, so that it can read these after a restart.
	for _, value := range []any{
		time.Time{}, Profile{}, &Everything{}, Status(0), Label(""), netip.Addr{}, &big.Int{}, [3]int16{},
		[]time.Time{}, []Address{}, map[string]Address{}, [][]int8{}, map[string]int{}, map[uint8][]float32{}, struct{}{},
	} {
		gob.Register(value)
	}
}

func randomSession(r *rand.Rand) map[any]any {
	values := map[any]any{}
	for n := r.Intn(9); n > 0; n-- {
		if r.Intn(4) > 0 {
			values[randomText(r)] = notNil(r)
		} else {
			values[randomKey(r)] = notNil(r)
		}
	}
	return values
}

// notNil: beego panics on a nil at the top level.
func notNil(r *rand.Rand) any {
	for {
		if value := randomValue(r, 4); value != nil {
			return value
		}
	}
}

func randomKey(r *rand.Rand) any {
	switch r.Intn(7) {
	case 0:
		return r.Intn(100) - 50
	case 1:
		return int64(r.Uint64())
	case 2:
		return uint8(r.Intn(256))
	case 3:
		return r.Intn(2) == 0
	case 4:
		return r.NormFloat64()
	case 5:
		return Label(randomText(r))
	default:
		return randomText(r)
	}
}

func randomText(r *rand.Rand) string {
	if r.Intn(6) == 0 {
		bytes := make([]byte, r.Intn(40))
		r.Read(bytes)
		return string(bytes)
	}
	alphabet := []rune("abcdefghijXYZ0189 _-é☃😀\x00\ufffd\ufeff")
	runes := make([]rune, r.Intn(30))
	for i := range runes {
		runes[i] = alphabet[r.Intn(len(alphabet))]
	}
	return string(runes)
}

func randomTime(r *rand.Rand) time.Time {
	t := time.Unix(r.Int63n(1<<36)-(1<<35), r.Int63n(1e9))
	if r.Intn(2) == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", []int{28800, -12600, 29143, 0}[r.Intn(4)]))
}

// many makes a slice of up to 5 (or, now and then, 300) values.
func many[T any](r *rand.Rand, make func() T) []T {
	n := r.Intn(6)
	if r.Intn(30) == 0 {
		n = 300
	}
	values := []T{}
	for ; n > 0; n-- {
		values = append(values, make())
	}
	return values
}

func mapOf[K comparable, V any](r *rand.Rand, key func() K, value func() V) map[K]V {
	values := map[K]V{}
	for n := r.Intn(5); n > 0; n-- {
		values[key()] = value()
	}
	return values
}

func randomAddress(r *rand.Rand) Address {
	return Address{City: randomText(r), Zip: uint32(r.Intn(3))}
}

func randomInt(r *rand.Rand) int {
	return int(int64(r.Uint64()) >> r.Intn(64))
}

func randomValue(r *rand.Rand, depth int) any {
	text := func() string { return randomText(r) }
	number := func() int { return randomInt(r) }
	kinds := 37
	if depth == 0 {
		kinds = 24
	}
	nested := func() any { return randomValue(r, depth-1) }
	switch r.Intn(kinds) {
	case 0:
		return nil
	case 1:
		return r.Intn(2) == 0
	case 2:
		return randomInt(r)
	case 3:
		return int8(r.Uint64())
	case 4:
		return int16(r.Uint64())
	case 5:
		return int32(r.Uint64())
	case 6:
		return int64(randomInt(r))
	case 7:
		return uint(randomInt(r))
	case 8:
		return uint8(r.Uint64())
	case 9:
		return uint16(r.Uint64())
	case 10:
		return uint32(r.Uint64())
	case 11:
		return r.Uint64() >> r.Intn(64)
	case 12:
		return uintptr(r.Uint64())
	case 13:
		return float32(r.NormFloat64())
	case 14:
		return []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.Pi, 1e300, 5e-324, 17, -2.5}[r.Intn(10)]
	case 15:
		return complex64(complex(r.NormFloat64(), 0))
	case 16:
		return complex(r.NormFloat64(), r.NormFloat64())
	case 17, 18:
		return randomText(r)
	case 19:
		return []byte(randomText(r))
	case 20:
		return randomTime(r)
	case 21:
		return Status(r.Intn(200) - 100)
	case 22:
		return Label(randomText(r))
	case 23:
		return struct{}{}
	case 24:
		return many(r, text)
	case 25:
		return many(r, number)
	case 26:
		return many(r, func() any { return nested() })
	case 27:
		return mapOf(r, text, func() any { return nested() })
	case 28:
		return mapOf(r, number, func() any { return nested() })
	case 29:
		return mapOf(r, func() any { return randomKey(r) }, func() any { return nested() })
	case 30:
		return mapOf(r, text, text)
	case 31:
		return mapOf(r, func() uint8 { return uint8(r.Intn(256)) }, func() []float32 {
			return many(r, func() float32 { return float32(r.NormFloat64()) })
		})
	case 32:
		return many(r, func() []int8 { return many(r, func() int8 { return int8(r.Uint64()) }) })
	case 33:
		return many(r, func() time.Time { return randomTime(r) })
	case 34:
		return Profile{Name: randomText(r), Age: r.Intn(2), Score: r.NormFloat64(), Tags: many(r, text), Nested: randomAddress(r)}
	case 35:
		switch r.Intn(3) {
		case 0:
			return netip.AddrFrom4([4]byte{10, 0, 0, byte(r.Intn(256))})
		case 1:
			return big.NewInt(int64(randomInt(r)))
		default:
			return [3]int16{int16(r.Uint64()), 0, int16(r.Uint64())}
		}
	default:
		return randomEverything(r, depth)
	}
}

func randomEverything(r *rand.Rand, depth int) *Everything {
	e := &Everything{I8: int8(r.Uint64()), U16: uint16(r.Intn(2)), Stat: Status(r.Intn(2))}
	if r.Intn(2) == 0 {
		e.I64, e.F32, e.C, e.B = int64(r.Uint64()), float32(r.NormFloat64()), complex(1, r.NormFloat64()), []byte(randomText(r))
		e.Any, e.When, e.Codes = randomValue(r, depth-1), randomTime(r), [3]int16{1, -2, int16(r.Uint64())}
		e.Addrs = many(r, func() Address { return randomAddress(r) })
		e.ByKey = mapOf(r, func() string { return randomText(r) }, func() Address { return randomAddress(r) })
	}
	if depth > 1 && r.Intn(2) == 0 {
		e.Inner = randomEverything(r, depth-1)
	}
	return e
}
