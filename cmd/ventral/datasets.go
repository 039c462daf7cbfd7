package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/catalog"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/datasets/scenes/export"
	"github.com/ventral-lab/ventral/datasets/subject"
	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/progress"
)

func init() { register(newDatasets) }

func newDatasets() *cobra.Command {
	c := &cobra.Command{
		Use:     "datasets",
		Short:   "List stimulus sets, look at them, write them as files",
		GroupID: groupStimuli,
		Long: `Stimulus sets have names with parameters, such as scenes?world=2&n=500&split=test. Sets that are
drawn need no files: any stimulus is made from its number. "preview" draws a contact sheet,
"export" writes the layouts that other programs read.`,
		Example: "  ventral datasets list\n  ventral datasets preview 'scenes?world=2&n=64' --out sheet.png",
	}
	c.AddCommand(newDatasetsList(), newDatasetsPreview(), newDatasetsExport())
	return c
}

func newDatasetsList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the kinds of stimulus sets and their parameters",
		Long: `List the kinds of stimulus sets, each with an example that opens and its parameters.
Parameters left out have their defaults.`,
		Example: "  ventral datasets list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return emit(cmd, catalog.Entries(), nil, nil)
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), catalog.Help())
			return err
		},
	}
	addJSON(c)
	return c
}

func newDatasetsPreview() *cobra.Command {
	var out string
	var o export.SheetOptions
	c := &cobra.Command{
		Use:   "preview SET",
		Short: "Draw a contact sheet of a stimulus set",
		Long: `Draw the first stimuli of a set into one PNG, in rows, with their captions below if asked for. A
stimulus that cannot be read is a crossed-out cell.`,
		Example: `  ventral datasets preview 'scenes?world=2&n=100&seed=1' --out sheet.png --n 100 --columns 10 --captions
  ventral datasets preview 'probe?world=2&factor=attack' --out attack.png --zoom 2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("preview wants --out FILE.png")
			}
			set, err := catalog.Open(args[0])
			if err != nil {
				return err
			}
			sheet, err := export.Sheet(set, o)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := png.Encode(&b, sheet); err != nil {
				return err
			}
			if err := atomicfile.WriteFile(out, b.Bytes(), "preview"); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d x %d pixels, from stimulus %d of %s\n", out, sheet.Rect.Dx(), sheet.Rect.Dy(), o.Start, set.Spec())
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "the sheet, a PNG")
	c.Flags().IntVar(&o.N, "n", 0, "stimuli on the sheet (default: 64, or all)")
	c.Flags().IntVar(&o.Start, "start", 0, "the first of them")
	c.Flags().IntVar(&o.Columns, "columns", 0, "stimuli in a row (default: 8)")
	c.Flags().IntVar(&o.Zoom, "zoom", 1, "pixels of the sheet for one of a stimulus, 1 to 16")
	c.Flags().BoolVar(&o.Captions, "captions", false, "write each caption below its picture")
	return c
}

func newDatasetsExport() *cobra.Command {
	var out, format, label, classes string
	c := &cobra.Command{
		Use:   "export SET",
		Short: "Write a stimulus set as files: ImageFolder, PASCAL VOC, ImageNet-Segmentation, Algonauts",
		Long: `Write a stimulus set in a layout that other programs read:

  imagefolder  CLASS/ID.png and labels.csv, CLASS being the label --label; any set
  voc          VOCdevkit/VOC2012: JPEGs, palette PNGs of classes and of instances with a void
               border, boxes, lists; scenes of world 2. Run it for train and for val into the
               same folder to have both
  gtseg        gtsegs_ijcv.mat, figure against ground as in ImageNet-Segmentation (MATLAB 7.3,
               that is HDF5); scenes of world 2
  algonauts    subjNN: pictures of both splits, responses, masks of regions and noise ceilings in the
               layout of the Algonauts 2023 challenge, and the truth; subject

An export that was cut off is finished by running it again.`,
		Example: `  ventral datasets export 'probe?world=2&factor=object&n=2000' --format imagefolder --out out/objects
  ventral datasets export 'scenes?world=2&n=500&size=256&split=val' --format voc --classes groups --out out/voc
  ventral datasets export 'probe?world=2&factor=ground&n=500&size=128' --format gtseg --out out/gtseg
  ventral datasets export 'subject?seed=1&training=1000&test=200' --format algonauts --out out/algonauts`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("export wants --out FOLDER")
			}
			set, err := catalog.Open(args[0])
			if err != nil {
				return err
			}
			world, _ := set.(*scenes.World)
			if world == nil && (format == "voc" || format == "gtseg") {
				return fmt.Errorf("%s has no pixels of its own for each thing; format %s is for scenes?world=2 and probe?world=2", set.Spec(), format)
			}
			n := set.Len()
			var simulated *subject.Subject
			if format == "algonauts" {
				images, _ := set.(*subject.Images)
				if images == nil {
					return fmt.Errorf("%s has no responses; format algonauts is for subject?...", set.Spec())
				}
				if simulated, err = subject.New(images.Config()); err != nil {
					return err
				}
				n = simulated.Config().Training + simulated.Config().Test
			}
			bar := progress.New("exporting", n, progress.Writer(cmd.ErrOrStderr()))
			defer bar.Done()
			done := func() { bar.Add(1) }
			switch format {
			case "imagefolder":
				err = export.ImageFolder(set, out, defaultLabel(set, label), done)
			case "voc":
				err = export.VOC(world, out, export.Classes(classes), done)
			case "gtseg":
				err = export.GTSeg(world, out, done)
			case "algonauts":
				err = simulated.Write(out, done)
			default:
				err = fmt.Errorf("format %q: it is imagefolder, voc, gtseg or algonauts", format)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d stimuli of %s\n", out, n, set.Spec())
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "imagefolder", "imagefolder, voc, gtseg or algonauts")
	c.Flags().StringVar(&out, "out", "", "the folder")
	c.Flags().StringVar(&label, "label", "", "imagefolder: the label that names the folders (default: class, else the first)")
	c.Flags().StringVar(&classes, "classes", string(export.Groups), "voc: groups (14 classes) or names (one an object)")
	return c
}

// defaultLabel is the label that was asked for, else class where the set has it, else its first.
func defaultLabel(set datasets.Set, asked string) string {
	columns := set.Columns()
	if asked != "" || len(columns) == 0 {
		return asked
	}
	for _, c := range columns {
		if c.Name == "class" {
			return c.Name
		}
	}
	return columns[0].Name
}
