package ratemap

import "strings"

// Description is every score of one map, as a row of a table: each in the definition that this package recommends, and
// again where opexebo's differs.
type Description struct {
	BitsPerEvent, BitsPerSample float64 // Skaggs
	Sparsity, Selectivity       float64
	Coherence                   float64
	Grid                        Gridness
	GridDeepMind                float64 // Score60 of DeepMindGridScore with its default rings
	Border                      Border  // over FindFields(m, BorderShare, BorderBins)
	Opexebo                     struct {
		BitsPerEvent, BitsPerSample float64
		Coherence                   float64
		Grid                        Gridness
		Border                      Border // over OpexeboFields with the tool's defaults
	}
}

// The fields that Describe takes for the border score: connected bins of at least 30 % of the peak (Solstad et al.
// 2008), 9 of them or more.
const (
	BorderShare = .3
	BorderBins  = 9
)

// Describe computes all scores of one map. Each is NaN where its own documentation says so; none panics.
func Describe(m Map) Description {
	var d Description
	in := Skaggs(m)
	d.BitsPerEvent, d.BitsPerSample = in.BitsPerEvent, in.BitsPerSample
	d.Sparsity, d.Selectivity, d.Coherence = Sparsity(m), Selectivity(m), Coherence(m)
	d.Grid = GridScore(m)
	dm, _ := DeepMindGridScore(m, DefaultDeepMindRings()) // the default rings are valid
	d.GridDeepMind = dm.Score60
	d.Border = BorderScore(m, FindFields(m, BorderShare, BorderBins), AllWalls)
	ox := OpexeboInformation(m)
	d.Opexebo.BitsPerEvent, d.Opexebo.BitsPerSample = ox.BitsPerEvent, ox.BitsPerSample
	d.Opexebo.Coherence = OpexeboCoherence(m)
	d.Opexebo.Grid = OpexeboGridScore(m)
	d.Opexebo.Border = BorderScore(m, OpexeboFields(m, OpexeboFieldDefaults()), AllWalls)
	return d
}

// columns pairs the name of each column with its value.
var columns = []struct {
	name  string
	value func(*Description) float64
}{
	{"info_bits_per_event", func(d *Description) float64 { return d.BitsPerEvent }},
	{"info_bits_per_sample", func(d *Description) float64 { return d.BitsPerSample }},
	{"sparsity", func(d *Description) float64 { return d.Sparsity }},
	{"selectivity", func(d *Description) float64 { return d.Selectivity }},
	{"coherence", func(d *Description) float64 { return d.Coherence }},
	{"grid_score", func(d *Description) float64 { return d.Grid.Score }},
	{"grid_score_deepmind", func(d *Description) float64 { return d.GridDeepMind }},
	{"grid_spacing", func(d *Description) float64 { return d.Grid.Spacing }},
	{"grid_orientation", func(d *Description) float64 { return d.Grid.Orientation }},
	{"border_score", func(d *Description) float64 { return d.Border.Score }},
	{"opexebo_info_bits_per_event", func(d *Description) float64 { return d.Opexebo.BitsPerEvent }},
	{"opexebo_info_bits_per_sample", func(d *Description) float64 { return d.Opexebo.BitsPerSample }},
	{"opexebo_coherence", func(d *Description) float64 { return d.Opexebo.Coherence }},
	{"opexebo_grid_score", func(d *Description) float64 { return d.Opexebo.Grid.Score }},
	{"opexebo_grid_spacing", func(d *Description) float64 { return d.Opexebo.Grid.Spacing }},
	{"opexebo_grid_orientation", func(d *Description) float64 { return d.Opexebo.Grid.Orientation }},
	{"opexebo_border_score", func(d *Description) float64 { return d.Opexebo.Border.Score }},
}

// DescriptionColumns names the values of Description.Values, in their order.
func DescriptionColumns() []string {
	out := make([]string, len(columns))
	for k, c := range columns {
		out[k] = c.name
	}
	return out
}

// Values are the numbers of the description, one for each of DescriptionColumns.
func (d Description) Values() []float64 {
	out := make([]float64, len(columns))
	for k, c := range columns {
		out[k] = c.value(&d)
	}
	return out
}

// DescriptionVariants are the families of definitions that the columns belong to.
func DescriptionVariants() []string { return []string{"skaggs", "deepmind", "opexebo"} }

// DescriptionVariant is the family of a column: "opexebo" for opexebo_NAME, "deepmind" for the grid score of that scorer,
// "skaggs" for the definitions that this package recommends, whose information is that of Skaggs.
func DescriptionVariant(column string) string {
	switch {
	case strings.HasPrefix(column, "opexebo_"):
		return "opexebo"
	case strings.HasSuffix(column, "_deepmind"):
		return "deepmind"
	}
	return "skaggs"
}
