package main

import (
	"encoding"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// describe says what a value is, in the form of vectors.json: {"t": Go type, ...}.
func describe(value any) map[string]any {
	if value == nil {
		return map[string]any{"t": "nil"}
	}
	return describeValue(reflect.ValueOf(value))
}

func describeValue(v reflect.Value) map[string]any {
	if v.Kind() == reflect.Interface {
		if v.IsNil() {
			return map[string]any{"t": "nil"}
		}
		v = v.Elem()
	}
	d := map[string]any{"t": typeName(v.Type())}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return map[string]any{"t": "nil"}
		}
		// Of the pointer, because big.Int writes itself by methods of its pointer alone.
		if own, ok := ownBytes(v.Interface()); ok {
			d["ptr"] = map[string]any{"t": v.Type().Elem().String(), "opaqueHex": hex.EncodeToString(own)}
		} else {
			d["ptr"] = describeValue(v.Elem())
		}
		return d
	}
	if own, ok := ownBytes(v.Interface()); ok {
		if _, isTime := v.Interface().(time.Time); isTime {
			d["gobHex"] = hex.EncodeToString(own)
		} else {
			d["opaqueHex"] = hex.EncodeToString(own)
		}
		return d
	}
	switch v.Kind() {
	case reflect.Bool:
		d["v"] = v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d["v"] = strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		d["v"] = strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		d["bits"] = bits(v.Float())
	case reflect.Complex64, reflect.Complex128:
		d["re"], d["im"] = decimal(real(v.Complex())), decimal(imag(v.Complex()))
	case reflect.String:
		d["utf8hex"] = hex.EncodeToString([]byte(v.String()))
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			d["hex"] = hex.EncodeToString(v.Bytes())
			break
		}
		items := []any{}
		for i := 0; i < v.Len(); i++ {
			items = append(items, describeValue(v.Index(i)))
		}
		d["items"] = items
	case reflect.Map:
		entries := []any{}
		for _, key := range v.MapKeys() {
			entries = append(entries, []any{describeValue(key), describeValue(v.MapIndex(key))})
		}
		d["entries"] = entries
	case reflect.Struct:
		fields := []any{}
		for i := 0; i < v.NumField(); i++ {
			if v.Type().Field(i).IsExported() {
				fields = append(fields, []any{v.Type().Field(i).Name, describeValue(v.Field(i))})
			}
		}
		d["struct"], d["fields"] = true, fields
	default:
		panic(fmt.Sprintf("cannot describe %s", v.Type()))
	}
	return d
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func bits(f float64) string { return fmt.Sprintf("%016x", math.Float64bits(f)) }

// ownBytes is what a type that writes itself writes, by the interface that gob asks first.
func ownBytes(value any) ([]byte, bool) {
	var own []byte
	var err error
	switch value := value.(type) {
	case gob.GobEncoder:
		own, err = value.GobEncode()
	case encoding.BinaryMarshaler:
		own, err = value.MarshalBinary()
	default:
		return nil, false
	}
	if err != nil {
		panic(err)
	}
	return own, true
}

// typeName is the name that gob.Register gives a type.
func typeName(t reflect.Type) string {
	if t.Name() != "" && t.PkgPath() != "" {
		return t.PkgPath() + "." + t.Name()
	}
	return t.String()
}
