package vit

import "github.com/ventral-lab/ventral/models"

// Aliases collects the names of sites in other libraries.
type Aliases []models.Alias

// Add notes that site is called name in library.
func (a *Aliases) Add(site, library, name string) {
	*a = append(*a, models.Alias{Site: site, Library: library, Name: name})
}

// Block notes the sites of the block called prefix, which is called other in library; endings maps the endings of its
// sites, "" for the block itself, to those there.
func (a *Aliases) Block(prefix, library, other string, endings [][2]string) {
	for _, e := range endings {
		a.Add(prefix+e[0], library, other+e[1])
	}
}
