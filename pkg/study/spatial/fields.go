package spatial

import (
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

// fields fits receptive fields to the units whose place is in their response at all (p of eta squared), and to no other:
// a fit to noise costs as much and says nothing. Centres are in pixels of the frame, widths too.
func (sc *unitScorer) fields(raw *ratemap.Responses, p []float64, put func(u, c int, v float64)) error {
	var tuned []int
	for u, v := range p {
		if v <= sc.o.FieldAlpha {
			tuned = append(tuned, u)
		}
	}
	if len(tuned) == 0 {
		return nil
	}
	values := make([]float32, raw.Stimuli*len(tuned))
	for i := range raw.Stimuli {
		for k, u := range tuned {
			values[i*len(tuned)+k] = raw.Values[i*raw.Units+u]
		}
	}
	r, err := ratemap.FromStimuli(values, raw.Stimuli, len(tuned))
	if err != nil {
		return err
	}
	fits, err := ratemap.FitGaussianFields(r, sc.fieldBin, sc.field, ratemap.FitOptions{Folds: sc.o.FieldFolds, Seed: sc.o.Seed, Stream: "spatial/units/fields"})
	if err != nil {
		return err
	}
	pixels := sc.screen / float64(sc.o.FieldBins)
	for k, u := range tuned {
		f := fits[k]
		x, y := sc.field.Place(f.Row, f.Col)
		put(u, cRFX, x)
		put(u, cRFY, y)
		put(u, cRFSigma1, f.Sigma1*pixels)
		put(u, cRFSigma2, f.Sigma2*pixels)
		put(u, cRFTheta, f.Theta)
		put(u, cRFAmplitude, f.Amplitude)
		put(u, cRFR2, f.R2)
		put(u, cRFCV, f.CV)
	}
	return nil
}
