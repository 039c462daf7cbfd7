package bridge

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/models/nasnet"
)

// Part is where a channel of a NASNet cell's output comes from.
type Part struct {
	Cell  string `json:"cell"`  // "cell_0"
	Piece string `json:"piece"` // p or c0 to c4 of a normal cell, c1 to c4 of a reduction cell
	Unit  Unit   `json:"unit"`  // the same unit at the piece's own site
	Sum   string `json:"sum"`   // what the piece is: "avg3(p) + avg3(p)"
	// Path is the half of the factorised reduction whose channel the unit reads, directly or averaged over 3x3 places; nil
	// where p is no factorised reduction, or where separable convolutions mix the channels.
	Path *Unit `json:"path,omitempty"`
}

// The pieces of the cells of NASNet-A in the order of their concatenation (Zoph et al. 2018, figure 4). h and p are the
// projected outputs of the cell before and of the one before that; sepK are two separable convolutions of KxK, avg3 and
// max3 pools of 3x3, /2 of stride 2.
var (
	normalPieces = [][2]string{{"p", "p"}, {"c0", "sep5(h) + sep3(p)"}, {"c1", "sep5(p) + sep3(p)"}, {"c2", "avg3(h) + p"},
		{"c3", "avg3(p) + avg3(p)"}, {"c4", "sep3(h) + h"}}
	reductionPieces = [][2]string{{"c1", "max3/2(h) + sep7/2(p)"}, {"c2", "avg3/2(h) + sep5/2(p)"}, {"c3", "avg3(c0) + c1"}, {"c4", "sep3(c0) + max3/2(h)"}}
	// byChannel are the pieces that read p channel by channel.
	byChannel = map[string]bool{"p": true, "c2": true, "c3": true}
)

// cell is a cell's concatenation.
type cell struct {
	name       string
	width      int // channels of a piece
	pieces     [][2]string
	factorised bool // p is a factorised reduction
}

// cellOf is the cell called name, which is none of the others of c.
func cellOf(c nasnet.Config, name string) (cell, bool) {
	number := func(prefix string, n int) (int, bool) {
		rest, ok := strings.CutPrefix(name, prefix)
		i, err := strconv.Atoi(rest)
		return i, ok && err == nil && i >= 0 && i < n && strconv.Itoa(i) == rest
	}
	m := c.Multiplier
	if i, ok := number("cell_stem_", 2); ok { // F/m² and F/m wide; the second reads the first convolution at half its size
		width := c.Filters / m
		if i == 0 {
			width /= m
		}
		return cell{name, width, reductionPieces, i == 1}, true
	}
	if i, ok := number("reduction_cell_", 2); ok {
		return cell{name, c.Filters * power(m, i+1), reductionPieces, false}, true
	}
	if i, ok := c.NormalCell(name); ok {
		return cell{name, c.Filters * power(m, i/c.Cells), normalPieces, i%c.Cells == 0}, true
	}
	return cell{}, false
}

func power(base, exponent int) int {
	n := 1
	for range exponent {
		n *= base
	}
	return n
}

// Locate takes a channel of a cell of NASNet-A-Large apart. The cell may be named as in any library: Locate("Cell_0", 804)
// is channel 132 of c3.
func Locate(name string, channel int) (Part, error) {
	return LocateIn(nasnet.Large(), Unit{Site: name, Channel: channel, Y: All, X: All})
}

// LocateIn takes a unit of a cell's output apart, in a NASNet-A of any width.
func LocateIn(c nasnet.Config, u Unit) (Part, error) {
	at := u.Site
	for _, a := range c.Aliases() {
		if a.Name == at {
			at = a.Site
			break
		}
	}
	l, ok := cellOf(c, at)
	if !ok {
		return Part{}, fmt.Errorf("site %s is no cell of a NASNet-A, such as cell_0, Cell_0 or normal_concat_0: only a cell's output is a concatenation", u.Site)
	}
	if n := l.width * len(l.pieces); u.Channel < 0 || u.Channel >= n {
		return Part{}, fmt.Errorf("channel %d of %s: it has channels 0 to %d", u.Channel, at, n-1)
	}
	piece, offset := l.pieces[u.Channel/l.width], u.Channel%l.width
	p := Part{Cell: at, Piece: piece[0], Sum: piece[1], Unit: Unit{at + ".piece_" + piece[0], offset, u.Y, u.X}}
	if normal := len(l.pieces) == len(normalPieces); normal && l.factorised && byChannel[piece[0]] {
		half := l.width / 2
		p.Path = &Unit{at + ".path_" + strconv.Itoa(1+offset/half), offset % half, All, All}
	}
	return p, nil
}

// Join is the way back from Part.Unit: the channel of the cell's output that a channel of one of its pieces becomes.
func Join(c nasnet.Config, u Unit) (Unit, error) {
	name, piece, ok := strings.Cut(u.Site, ".piece_")
	if l, isCell := cellOf(c, name); ok && isCell {
		for i, p := range l.pieces {
			if p[0] != piece {
				continue
			}
			if u.Channel < 0 || u.Channel >= l.width {
				return Unit{}, fmt.Errorf("channel %d of %s: it has channels 0 to %d", u.Channel, u.Site, l.width-1)
			}
			return Unit{name, i*l.width + u.Channel, u.Y, u.X}, nil
		}
	}
	return Unit{}, fmt.Errorf("site %s is no piece of a cell", u.Site)
}
