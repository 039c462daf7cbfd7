package catalog

import (
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/algonauts"
	"github.com/ventral-lab/ventral/datasets/gtseg"
	"github.com/ventral-lab/ventral/datasets/nsd"
	"github.com/ventral-lab/ventral/datasets/subject"
	"github.com/ventral-lab/ventral/datasets/voc"
)

func openSubject() ([]param, func() (datasets.Set, error)) {
	var c subject.Config
	var split string
	return []param{
			positive("subject", &c.Subject, "number of the subject: other receptive fields, weights and noise, the same pictures; default 1"),
			seed(&c.Seed),
			positive("training", &c.Training, "pictures of the training split, default 1000"),
			positive("test", &c.Test, "pictures of the test split, default 200"),
			positive("size", &c.Size, "side of the picture in pixels, default 64"),
			positive("vertices", &c.Vertices, "vertices a hemisphere, about; default 400"),
			positive("repeats", &c.Repeats, "presentations of each picture, default 3"),
			text("split", &split, "training or test; default training"),
		}, func() (datasets.Set, error) {
			s, err := subject.Open(c, split)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
}

func openVOC(path string) ([]param, func() (datasets.Set, error)) {
	var o voc.Options
	return []param{
			text("split", &o.Split, "name of a list in ImageSets/Segmentation: train, val, trainval; default val"),
			flag("masks", &o.Masks, "true: with a mask for each class in the picture"),
		}, func() (datasets.Set, error) {
			s, err := voc.Open(path, o)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
}

func openGTSeg(path string) ([]param, func() (datasets.Set, error)) {
	return nil, func() (datasets.Set, error) {
		s, err := gtseg.Open(path)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

func openNSD(path string) ([]param, func() (datasets.Set, error)) {
	return nil, func() (datasets.Set, error) {
		s, err := nsd.Open(path)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

func openAlgonauts(path string) ([]param, func() (datasets.Set, error)) {
	number, split := 1, algonauts.Training
	return []param{
			positive("subject", &number, "number of the subject, 1 to 8; default 1"),
			text("split", &split, "training or test; default training"),
		}, func() (datasets.Set, error) {
			if split != algonauts.Training && split != algonauts.Test {
				return nil, fmt.Errorf("split %q: it is %s", split, strings.Join([]string{algonauts.Training, algonauts.Test}, " or "))
			}
			s, err := algonauts.Open(path, number)
			if err != nil {
				return nil, err
			}
			m := s.Images(split)
			if m.Len() == 0 {
				s.Close()
				return nil, fmt.Errorf("%s has no pictures in split %s", path, split)
			}
			return m, nil
		}
}
