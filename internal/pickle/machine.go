package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// machine is the stack machine of pickles, less everything that acts.
type machine struct {
	b     []byte
	at    int
	stack []any
	memo  map[int]any
	err   error
}

// run executes a program that must end with the file and leave one value.
func run(b []byte) (any, error) {
	m := &machine{b: b, memo: map[int]any{}}
	for {
		op := m.bytes(1)
		if m.err != nil {
			return nil, m.err
		}
		if op[0] == '.' { // STOP
			break
		}
		m.step(op[0])
		if m.err == nil && len(m.stack) > MaxStack {
			m.fail("more than %d values at once", MaxStack)
		}
		if m.err != nil {
			return nil, m.err
		}
	}
	v := m.pop()
	switch {
	case m.err != nil:
	case len(m.stack) != 0:
		m.fail("%d values are left over", len(m.stack))
	case m.at != len(b):
		m.fail("there are bytes after the end")
	}
	return v, m.err
}

func (m *machine) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("%w: byte %d of the pickle: %s", ErrFormat, m.at, fmt.Sprintf(format, args...))
	}
}

func (m *machine) bytes(n int) []byte {
	if m.err == nil && (n < 0 || n > len(m.b)-m.at) {
		m.fail("it is cut off")
	}
	if m.err != nil {
		return make([]byte, 8)[:max(0, min(n, 8))]
	}
	out := m.b[m.at : m.at+n]
	m.at += n
	return out
}

func (m *machine) line() string {
	n := bytes.IndexByte(m.b[m.at:], '\n')
	if n < 0 {
		m.fail("a line has no end")
		return ""
	}
	return string(m.bytes(n + 1)[:n])
}

// length reads a length of 1, 4 or 8 bytes.
func (m *machine) length(size int) int {
	var b [8]byte
	copy(b[:], m.bytes(size))
	n := binary.LittleEndian.Uint64(b[:])
	if n > uint64(len(m.b)) {
		m.fail("a length of %d in a file of %d bytes", n, len(m.b))
		return 0
	}
	return int(n)
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() any {
	if m.err == nil && len(m.stack) == 0 {
		m.fail("it takes from an empty stack")
	}
	if m.err != nil {
		return nil
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	if _, bad := v.(mark); bad {
		m.fail("it takes a mark for a value")
	}
	return v
}

// toMark takes everything above the last mark, and the mark.
func (m *machine) toMark() []any {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			out := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return out
		}
	}
	m.fail("there is no mark")
	return nil
}

func (m *machine) top() any {
	if m.err == nil && len(m.stack) == 0 {
		m.fail("it looks at an empty stack")
	}
	if m.err != nil {
		return nil
	}
	return m.stack[len(m.stack)-1]
}

func (m *machine) text(b []byte) {
	if m.err == nil && !utf8.Valid(b) {
		m.fail("text is not UTF-8")
	}
	m.push(string(b))
}

func (m *machine) name(module, name string) {
	g := global(module + " " + name)
	if m.err == nil && numpyNames[g] == "" {
		m.err = fmt.Errorf("%w: it names %.100q", ErrCall, strings.ReplaceAll(string(g), " ", "."))
	}
	m.push(g)
}

func (m *machine) get(i int) {
	v, ok := m.memo[i]
	if !ok {
		m.fail("entry %d of the memo is empty", i)
	}
	m.push(v)
}

// set adds keys and values to the dictionary on top.
func (m *machine) set(pairs []any) {
	d, ok := m.top().(*dict)
	if !ok || len(pairs)%2 != 0 {
		m.fail("entries for what is no dictionary")
		return
	}
	for i := 0; i < len(pairs); i += 2 {
		d.items = append(d.items, [2]any{pairs[i], pairs[i+1]})
	}
}

func (m *machine) add(items []any) {
	l, ok := m.top().(*list)
	if !ok {
		m.fail("items for what is no list")
		return
	}
	l.items = append(l.items, items...)
}

// step executes one instruction. Names are those of pickletools.
func (m *machine) step(op byte) {
	switch op {
	case 0x80: // PROTO
		if v := m.bytes(1); m.err == nil && v[0] > 5 {
			m.fail("protocol %d, at most 5 is known", v[0])
		}
	case 0x95: // FRAME
		m.length(8)
	case '(': // MARK
		m.push(mark{})
	case '0': // POP
		m.pop()
	case '1': // POP_MARK
		m.toMark()
	case 'N':
		m.push(nil)
	case 0x88:
		m.push(true)
	case 0x89:
		m.push(false)
	case 'K', 'M', 'J', 'I', 'L', 0x8a, 'G', 'F':
		m.number(op)
	case 'X': // BINUNICODE
		m.text(m.bytes(m.length(4)))
	case 0x8c: // SHORT_BINUNICODE
		m.text(m.bytes(m.length(1)))
	case 0x8d: // BINUNICODE8
		m.text(m.bytes(m.length(8)))
	case 'V': // UNICODE, with \u escapes for what a line cannot hold
		s := m.line()
		if strings.Contains(s, `\u`) || strings.Contains(s, `\U`) {
			m.fail("escapes in text are not read")
		}
		m.text([]byte(s))
	case 'C': // SHORT_BINBYTES
		m.push(m.bytes(m.length(1)))
	case 'B': // BINBYTES
		m.push(m.bytes(m.length(4)))
	case ')':
		m.push(tuple{})
	case 't':
		m.push(tuple(m.toMark()))
	case 0x85, 0x86, 0x87: // TUPLE1, 2, 3
		t := make(tuple, op-0x84)
		for i := len(t) - 1; i >= 0; i-- {
			t[i] = m.pop()
		}
		m.push(t)
	case ']':
		m.push(&list{})
	case 'l':
		m.push(&list{m.toMark()})
	case 'a': // APPEND
		v := m.pop()
		m.add([]any{v})
	case 'e': // APPENDS
		m.add(m.toMark())
	case '}':
		m.push(&dict{})
	case 'd': // DICT
		pairs := m.toMark()
		m.push(&dict{})
		m.set(pairs)
	case 's': // SETITEM
		v := m.pop()
		k := m.pop()
		m.set([]any{k, v})
	case 'u': // SETITEMS
		m.set(m.toMark())
	case 'q': // BINPUT
		m.memo[m.length1()] = m.top()
	case 'r': // LONG_BINPUT
		m.memo[m.length(4)] = m.top()
	case 'p': // PUT
		m.memo[m.index()] = m.top()
	case 0x94: // MEMOIZE
		m.memo[len(m.memo)] = m.top()
	case 'h': // BINGET
		m.get(m.length1())
	case 'j': // LONG_BINGET
		m.get(m.length(4))
	case 'g': // GET
		m.get(m.index())
	case 'c': // GLOBAL
		module := m.line()
		m.name(module, m.line())
	case 0x93: // STACK_GLOBAL
		name, ok1 := m.pop().(string)
		module, ok2 := m.pop().(string)
		if !ok1 || !ok2 {
			m.fail("the name of a callable is no text")
		}
		m.name(module, name)
	case 'R': // REDUCE
		args := m.pop()
		f := m.pop()
		if m.err == nil {
			v, err := call(f, args)
			m.err = err
			m.push(v)
		}
	case 'b': // BUILD
		state := m.pop()
		if o := m.top(); m.err == nil {
			m.err = build(o, state)
		}
	case 'i', 'o', 0x81, 0x92, 'P', 'Q', 0x82, 0x83, 0x84: // INST, OBJ, NEWOBJ, NEWOBJ_EX, PERSID, BINPERSID, EXT1, EXT2, EXT4
		m.err = fmt.Errorf("%w: instruction %#02x at byte %d makes an object of a class", ErrCall, op, m.at-1)
	default:
		m.fail("instruction %#02x is not one of those that make dictionaries of labels", op)
	}
}

func (m *machine) length1() int { return int(m.bytes(1)[0]) }

func (m *machine) index() int {
	n, err := strconv.ParseUint(m.line(), 10, 31)
	if err != nil {
		m.fail("a number of the memo is not one")
	}
	return int(n)
}

func (m *machine) number(op byte) {
	switch op {
	case 'K': // BININT1
		m.push(int64(m.bytes(1)[0]))
	case 'M': // BININT2
		m.push(int64(binary.LittleEndian.Uint16(m.bytes(2))))
	case 'J': // BININT
		m.push(int64(int32(binary.LittleEndian.Uint32(m.bytes(4)))))
	case 'G': // BINFLOAT
		m.push(math.Float64frombits(binary.BigEndian.Uint64(m.bytes(8))))
	case 'F':
		v, err := strconv.ParseFloat(m.line(), 64)
		if err != nil {
			m.fail("a float is not one")
		}
		m.push(v)
	case 'I', 'L': // 00 and 01 are protocol 0's False and True
		s := m.line()
		if op == 'I' && (s == "00" || s == "01") {
			m.push(s == "01")
			return
		}
		v, err := strconv.ParseInt(strings.TrimSuffix(s, "L"), 10, 64)
		if err != nil {
			m.fail("a whole number is not one that 64 bits hold")
		}
		m.push(v)
	case 0x8a: // LONG1: two's complement of any length
		b := m.bytes(m.length(1))
		if len(b) > 8 {
			m.fail("a whole number of %d bytes, at most 8 are read", len(b))
			return
		}
		var v int64
		for i, x := range b {
			v |= int64(x) << (8 * i)
		}
		if n := len(b); n > 0 && n < 8 && b[n-1]&0x80 != 0 {
			v -= 1 << (8 * n)
		}
		m.push(v)
	}
}
