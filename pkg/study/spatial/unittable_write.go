package spatial

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/table"
)

// fileColumns describes the table as files have it.
func (t *UnitTable) fileColumns() []table.Column {
	out := []table.Column{{Name: "site", Kind: table.String}, {Name: "unit", Kind: table.Int32}, {Name: "token", Kind: table.Int32}, {Name: "y", Kind: table.Int32},
		{Name: "x", Kind: table.Int32}, {Name: "channel", Kind: table.Int32}, {Name: "conversion", Kind: table.String}}
	for c, name := range unitColumns {
		kind := table.Float64
		if c == cSign {
			kind = table.String
		}
		out = append(out, table.Column{Name: name, Kind: kind})
	}
	return out
}

// writeRows is how many rows are handed to a file at a time: the table itself is in memory, its text is not.
const writeRows = 4096

func (t *UnitTable) write(w table.Writer) error {
	for lo := 0; lo < t.Len(); lo += writeRows {
		hi := min(lo+writeRows, t.Len())
		var site, conversion, sign []string
		for u := lo; u < hi; u++ {
			site, conversion, sign = append(site, t.Sites[t.Site[u]].Site), append(conversion, string(t.Conversion(u))), append(sign, t.Sign(u))
		}
		batch := []any{site, t.Unit[lo:hi], t.Token[lo:hi], t.Y[lo:hi], t.X[lo:hi], t.Channel[lo:hi], conversion}
		for c := range t.score {
			if c == cSign {
				batch = append(batch, sign)
			} else {
				batch = append(batch, t.score[c][lo:hi])
			}
		}
		if err := w.Write(batch); err != nil {
			return err
		}
	}
	return w.Close()
}

// WriteCSV writes the table as text: a row a unit, NaN for a score that a unit has not.
func (t *UnitTable) WriteCSV(w io.Writer) error {
	out, err := table.NewCSV(w, t.fileColumns())
	if err != nil {
		return err
	}
	return t.write(out)
}

// WriteParquet writes the same, with what the table is of in the file's metadata under "ventral", as JSON.
func (t *UnitTable) WriteParquet(w io.Writer) error {
	about, err := json.Marshal(t)
	if err != nil {
		return err
	}
	out, err := table.NewParquet(w, t.fileColumns(), map[string]string{"ventral": string(about)})
	if err != nil {
		return err
	}
	return t.write(out)
}

// Save writes NAME.csv, NAME.parquet and NAME.json (model, stimuli, options, sites, tests, provenance, and what share of
// every site's units is significant at .05) into dir, each whole or not at all.
func (t *UnitTable) Save(dir, name string) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	for ending, write := range map[string]func(io.Writer) error{".csv": t.WriteCSV, ".parquet": t.WriteParquet, ".json": t.writeJSON} {
		f, err := atomicfile.Create(filepath.Join(dir, name+ending), "units")
		if err != nil {
			return err
		}
		if err := write(f); err != nil {
			f.Abort()
			return fmt.Errorf("%s%s: %w", name, ending, err)
		}
		if err := f.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (t *UnitTable) writeJSON(w io.Writer) error {
	type plain UnitTable
	b, err := json.MarshalIndent(struct {
		*plain
		Significant []Significant `json:"significant"`
	}{(*plain)(t), t.Significant(.05)}, "", "\t")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
