package bridge

import (
	"fmt"
	"slices"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Description is what is known of a unit without running the network.
type Description struct {
	Unit  Unit        `json:"unit"`
	Axes  []site.Axis `json:"axes"`
	Shape []int       `json:"shape"`
	Names []Name      `json:"names"`
	Part  *Part       `json:"part,omitempty"`  // of a channel of a NASNet cell
	Whole *Unit       `json:"whole,omitempty"` // of a channel of a piece: the same unit in the cell's output
	Field *vgg.Field  `json:"field,omitempty"` // of the features of a VGG
	Rows  *[2]int     `json:"rows,omitempty"`  // of the picture that the unit sees: the first, and the one behind the last
	Cols  *[2]int     `json:"columns,omitempty"`
}

// Describe says what is known of a unit of a network, whose site may go by the name it has in any library. sites are
// those of the network.
func Describe(c models.Config, sites []site.Info, u Unit) (Description, error) {
	info, err := find(sites, u.Site)
	if err != nil {
		return Description{}, err
	}
	u.Site = info.Name
	for _, axis := range []struct {
		axis  site.Axis
		index int
	}{{site.Channel, u.Channel}, {site.Y, u.Y}, {site.X, u.X}} {
		if axis.index < 0 {
			continue
		}
		i := slices.Index(info.Axes, axis.axis)
		if i < 0 {
			return Description{}, fmt.Errorf("unit %s: the site has the axes %v and no %s", u, info.Axes, axis.axis)
		}
		if axis.index >= info.Shape[i] {
			return Description{}, fmt.Errorf("unit %s: %s runs from 0 to %d", u, axis.axis, info.Shape[i]-1)
		}
	}
	d := Description{Unit: u, Axes: info.Axes, Shape: info.Shape, Names: namesOf(c, u.Site)}
	for i := range d.Names {
		d.Names[i].Order = order(d.Names[i].Library, info.Axes)
	}
	switch c := c.(type) {
	case nasnet.Config:
		if p, err := LocateIn(c, u); err == nil && u.Channel >= 0 {
			d.Part = &p
		}
		if w, err := Join(c, u); err == nil && u.Channel >= 0 {
			d.Whole = &w
		}
	case vgg.Config:
		f, err := c.ReceptiveField(u.Site)
		if err != nil {
			break // a unit of the classifier sees the whole picture
		}
		d.Field = &f
		if u.Y >= 0 {
			top, bottom := f.Pixels(u.Y)
			left, right := f.Pixels(u.X)
			d.Rows, d.Cols = &[2]int{top, bottom}, &[2]int{left, right}
		}
	}
	return d, nil
}

// find is the site that has a name here or in another library.
func find(sites []site.Info, name string) (site.Info, error) {
	var known []string
	for _, s := range sites {
		if s.Name == name {
			return s, nil
		}
		known = append(append(known, s.Name), s.Aliases...)
	}
	for _, s := range sites {
		if slices.Contains(s.Aliases, name) {
			return s, nil
		}
	}
	near := site.Nearest(name, known, 4)
	return site.Info{}, fmt.Errorf("no site %q; the nearest names are %v", name, near)
}
