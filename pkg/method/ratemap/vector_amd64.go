//go:build goexperiment.simd && amd64

package ratemap

import "simd/archsimd"

// vectors says that this processor adds eight float64 at a time.
var vectors = archsimd.X86.AVX512()

// runVector is plan.run for blocks of a multiple of eight units: the same operations in the same order for every unit,
// eight units at a time, and so the same bits.
func (p *plan) runVector(b *block, order []int32, acc []float64, of kernel) {
	w := b.w
	row := func(s int32, c int) archsimd.Float64x8 {
		return archsimd.LoadFloat64x8((*[8]float64)(b.v[int(s)*w+c:]))
	}
	l := newVectorLog()
	for k := range len(p.start) - 1 {
		rows := order[p.start[k]:p.start[k+1]]
		inv := archsimd.BroadcastFloat64x8(1 / float64(len(rows)))
		for c := 0; c < w; c += 8 {
			i := 1
			sum := row(rows[0], c)
			if len(rows) >= 4 {
				sum = sum.Add(row(rows[1], c)).Add(row(rows[2], c).Add(row(rows[3], c)))
				i = 4
			}
			for ; i+1 < len(rows); i += 2 {
				sum = sum.Add(row(rows[i], c).Add(row(rows[i+1], c)))
			}
			if i < len(rows) {
				sum = sum.Add(row(rows[i], c))
			}
			to := (*[8]float64)(acc[c:])
			term := sum.Mul(sum).Mul(inv)
			if of == logKernel {
				term = sum.Mul(l.log2(sum.Mul(inv)))
			}
			archsimd.LoadFloat64x8(to).Add(term).Store(to)
		}
	}
}

// vectorLog holds the table of fastLog2 in registers.
type vectorLog struct {
	inv, log [2]archsimd.Float64x8
	mantissa archsimd.Uint64x8
	one      archsimd.Uint64x8
	bias     archsimd.Float64x8
	unit     archsimd.Float64x8
	c        [10]archsimd.Float64x8
}

func newVectorLog() *vectorLog {
	l := &vectorLog{mantissa: archsimd.BroadcastUint64x8(1<<52 - 1), one: archsimd.BroadcastUint64x8(1023 << 52),
		bias: archsimd.BroadcastFloat64x8(1023), unit: archsimd.BroadcastFloat64x8(1)}
	for k := range 2 {
		l.inv[k] = archsimd.LoadFloat64x8((*[8]float64)(logInv[8*k:]))
		l.log[k] = archsimd.LoadFloat64x8((*[8]float64)(logOf[8*k:]))
	}
	for k, c := range [10]float64{c1, c2, c3, c4, c5, c6, c7, c8, c9, c10} {
		l.c[k] = archsimd.BroadcastFloat64x8(c)
	}
	return l
}

// log2 is fastLog2 of each element. A permutation of sixteen numbers looks at the lowest four bits of an index.
func (l *vectorLog) log2(x archsimd.Float64x8) archsimd.Float64x8 {
	b := x.AsUint64x8()
	i := b.ShiftAllRight(52 - logBits)
	t := b.And(l.mantissa).Or(l.one).AsFloat64x8().Mul(l.inv[0].ConcatPermute(l.inv[1], i)).Sub(l.unit)
	t2 := t.Mul(t)
	p := l.c[6].Add(l.c[7].Mul(t)).Add(t2.Mul(l.c[8].Add(l.c[9].Mul(t))))
	p = l.c[4].Add(l.c[5].Mul(t)).Add(t2.Mul(p))
	p = l.c[2].Add(l.c[3].Mul(t)).Add(t2.Mul(p))
	p = l.c[0].Add(l.c[1].Mul(t)).Add(t2.Mul(p))
	e := b.ShiftAllRight(52).ConvertToFloat64().Sub(l.bias)
	return e.Add(l.log[0].ConcatPermute(l.log[1], i)).Add(t.Mul(p))
}
