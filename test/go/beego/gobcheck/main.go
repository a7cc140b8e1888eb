// gobcheck lets the tests ask real beego about gob streams. Each line of input is a stream in hex, each line of output JSON.
//
//	gobcheck decode               each stream: {"value": what it holds} or {"error": why it was refused}
//	gobcheck recode               each stream: {"hex": the same session, encoded again} or {"error": ...}
//	gobcheck generate SEED COUNT  random sessions: {"hex": stream, "value": what it holds}
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"

	"github.com/beego/beego/v2/server/web/session"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	switch os.Args[1] {
	case "decode":
		eachStream(out, func(stream []byte) (any, error) {
			values, err := session.DecodeGob(stream)
			return map[string]any{"value": describe(values)}, err
		})
	case "recode":
		eachStream(out, func(stream []byte) (any, error) {
			values, err := session.DecodeGob(stream)
			if err != nil {
				return nil, err
			}
			again, err := session.EncodeGob(values)
			return map[string]any{"hex": hex.EncodeToString(again)}, err
		})
	case "generate":
		seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
		count, _ := strconv.Atoi(os.Args[3])
		random := rand.New(rand.NewSource(seed))
		for i := 0; i < count; i++ {
			values := randomSession(random)
			stream, err := session.EncodeGob(values)
			if err != nil {
				panic(err)
			}
			write(out, map[string]any{"hex": hex.EncodeToString(stream), "value": describe(values)})
		}
	}
}

func eachStream(out *bufio.Writer, answer func([]byte) (any, error)) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		stream, err := hex.DecodeString(in.Text())
		if err != nil {
			panic(err)
		}
		result, err := safely(stream, answer)
		if err != nil {
			result = map[string]any{"error": err.Error()}
		}
		write(out, result)
	}
}

// safely turns beego's panics (a nil at the top level) into errors.
func safely(stream []byte, answer func([]byte) (any, error)) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return answer(stream)
}

func write(out *bufio.Writer, value any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	out.Write(line)
	out.WriteByte('\n')
}
