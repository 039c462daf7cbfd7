package subject

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image/png"
	"path"
	"path/filepath"
	"sync"

	"github.com/ventral-lab/ventral/datasets/algonauts"
	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/checksum"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/pickle"
)

// tag is in the names of temporary files.
const tag = "subject"

// TruthFile is where Write puts what the challenge has not: the features, weights, coordinates and regions of the simulation.
const TruthFile = "simulation/truth.npz"

// writer collects the sums of what it writes.
type writer struct {
	dir  string
	mu   sync.Mutex
	sums checksum.List
}

// Write writes dir/subjNN in the layout of package algonauts, the truth in simulation/truth.npz, and last SHA256SUMS. done, if not nil, is called once a
// picture, from several goroutines. Writing again over an interrupted run finishes it; with another Config, use another folder.
func (s *Subject) Write(dir string, done func()) error {
	w := &writer{dir: filepath.Join(dir, fmt.Sprintf("subj%02d", s.cfg.Subject)), sums: checksum.List{}}
	// The list goes first: while files change there is none that they could contradict.
	if err := atomicfile.MkdirAll(w.dir); err != nil {
		return err
	}
	if err := atomicfile.Remove(filepath.Join(w.dir, checksum.Name)); err != nil {
		return err
	}
	for _, sub := range []string{"training_split/training_images", "training_split/training_fmri", "test_split/test_images", "test_split/test_fmri", "test_split/noise_ceiling", "roi_masks", "simulation"} {
		if err := atomicfile.MkdirAll(filepath.Join(w.dir, filepath.FromSlash(sub))); err != nil {
			return err
		}
	}
	for _, split := range []string{algonauts.Training, algonauts.Test} {
		if err := w.pictures(s.Images(split), fmt.Sprintf("%[1]s_split/%[1]s_images", split), done); err != nil {
			return err
		}
		for _, h := range algonauts.Hemispheres {
			v := len(s.sides[h].vertices)
			if err := w.array(fmt.Sprintf("%[1]s_split/%[1]s_fmri/%[2]s_%[1]s_fmri.npy", split, h), s.Responses(h, split), s.pictures(split), v); err != nil {
				return err
			}
		}
	}
	for _, h := range algonauts.Hemispheres {
		if err := w.hemisphere(h, s.sides[h], s.Ceiling(h, algonauts.Test)); err != nil {
			return err
		}
	}
	for class, names := range labelNames {
		b, err := pickle.Encode(names)
		if err != nil {
			return err
		}
		if err := w.file("roi_masks/mapping_"+class+".npy", b); err != nil {
			return err
		}
	}
	if err := w.truth(s); err != nil {
		return err
	}
	return w.sums.Write(w.dir)
}

func (w *writer) file(name string, b []byte) error {
	if err := atomicfile.WriteFile(filepath.Join(w.dir, filepath.FromSlash(name)), b, tag); err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	w.mu.Lock()
	w.sums[name] = sum
	w.mu.Unlock()
	return nil
}

func (w *writer) array(name string, data any, shape ...int) error {
	a, err := npy.New(data, shape...)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		return err
	}
	return w.file(name, b.Bytes())
}

func (w *writer) pictures(m *Images, sub string, done func()) error {
	errs := make([]error, m.Len())
	parallel.For(m.Len(), func(i int) {
		img, err := m.rgb(i)
		if err == nil {
			var b bytes.Buffer
			if err = png.Encode(&b, img); err == nil {
				err = w.file(path.Join(sub, m.name(i)+".png"), b.Bytes())
			}
		}
		errs[i] = err
		if done != nil {
			done()
		}
	})
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("subject: picture %d: %w", i, err)
		}
	}
	return nil
}

// hemisphere writes masks and the ceilings of the test split.
func (w *writer) hemisphere(h algonauts.Hemisphere, d *side, share []float64) error {
	ceiling := make([]float32, len(d.vertices))
	all := make([]int32, algonauts.FsaverageVertices)
	for i, v := range d.vertices {
		ceiling[i] = float32(share[i])
		all[v.Index] = 1
	}
	if err := w.array(fmt.Sprintf("test_split/noise_ceiling/%s_noise_ceiling.npy", h), ceiling, len(ceiling)); err != nil {
		return err
	}
	if err := w.array(fmt.Sprintf("roi_masks/%s.all-vertices_fsaverage_space.npy", h), all, len(all)); err != nil {
		return err
	}
	for _, class := range algonauts.Classes {
		part, full := make([]int32, len(d.vertices)), make([]int32, algonauts.FsaverageVertices)
		for i, v := range d.vertices {
			r := &regions[v.region]
			switch class {
			case "streams":
				part[i] = int32(r.stream)
			case r.class:
				part[i] = int32(r.label)
			}
			full[v.Index] = part[i]
		}
		if err := w.array(fmt.Sprintf("roi_masks/%s.%s_challenge_space.npy", h, class), part, len(part)); err != nil {
			return err
		}
		if err := w.array(fmt.Sprintf("roi_masks/%s.%s_fsaverage_space.npy", h, class), full, len(full)); err != nil {
			return err
		}
	}
	return nil
}

// truth writes what the simulation knows.
func (w *writer) truth(s *Subject) error {
	var b bytes.Buffer
	z := npy.NewNPZWriter(&b)
	var failed error
	add := func(name string, data any, shape ...int) {
		a, err := npy.New(data, shape...)
		if err == nil && failed == nil {
			err = z.Add(name, a)
		}
		if failed == nil {
			failed = err
		}
	}
	k := len(s.features)
	names, groups := make([]string, k), make([]string, k)
	for i, f := range s.features {
		names[i], groups[i] = f.Name, f.Group
	}
	add("feature_names", names)
	add("feature_groups", groups)
	for _, split := range []string{algonauts.Training, algonauts.Test} {
		add(split+"_features", s.values[split], s.pictures(split), k)
	}
	for _, h := range algonauts.Hemispheres {
		d := s.sides[h]
		n := len(d.vertices)
		weights, xyz, field := make([]float64, k*n), make([]float32, 3*n), make([]float32, 3*n)
		index, regionNames, ncsnr := make([]int32, n), make([]string, n), make([]float64, n)
		null, dead := make([]bool, n), make([]bool, n)
		for i, v := range d.vertices {
			for _, t := range d.weights[i] {
				weights[t.Feature*n+i] = t.Weight
			}
			copy(xyz[3*i:], []float32{float32(v.X), float32(v.Y), float32(v.Z)})
			copy(field[3*i:], []float32{float32(v.FieldX), float32(v.FieldY), float32(v.FieldSize)})
			index[i], regionNames[i], ncsnr[i], null[i], dead[i] = int32(v.Index), v.Region, v.NCSNR, v.Null, v.Dead
		}
		p := string(h) + "_"
		add(p+"weights", weights, k, n)
		add(p+"coordinates", xyz, n, 3)
		add(p+"fields", field, n, 3)
		add(p+"vertices", index)
		add(p+"regions", regionNames)
		add(p+"ncsnr", ncsnr)
		add(p+"null", null)
		add(p+"dead", dead)
	}
	if failed == nil {
		failed = z.Close()
	}
	if failed != nil {
		return fmt.Errorf("subject: %s: %w", TruthFile, failed)
	}
	return w.file(TruthFile, b.Bytes())
}
